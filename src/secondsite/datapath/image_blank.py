"""Fresh encrypted images without the price of making one.

QEMU measures this machine's speed each time it writes a LUKS header: two seconds of processor time, which a point
every few seconds cannot pay, and a guest whose QEMU does it stands still meanwhile. So one empty image is made per
folder and size, and copied: the copies share its master key. What that tells whoever has two files of one disk is
which sectors at one place of both files are equal, as two copies of one LUKS disk from different days would.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from . import image
from .encryption_key import EncryptionKey
from .replica_files import store_error, sync_file, sync_folder
from .units import KiB

_PIECE_BYTES: Final = 64 * KiB
_ZEROS: Final = bytes(_PIECE_BYTES)


def create(path: Path, size_bytes: int, key: EncryptionKey, blanks: Path) -> None:
    """An empty encrypted qcow2 file, as a copy of the blank in the folder `blanks`; an existing one is overwritten."""
    _copy(_blank(blanks, size_bytes, key), path)


def create_overlay(
    path: Path, backing: Path, size_bytes: int, key: EncryptionKey, blanks: Path, *, relative: bool = True
) -> None:
    """The encrypted counterpart of `image.create_overlay`, over a qcow2 file."""
    create(path, size_bytes, key, blanks)
    image.rebase(path, backing, "qcow2", key, relative=relative)


def rename(folder: Path, old: EncryptionKey, new: EncryptionKey) -> None:
    """The blanks of a folder, which open with `new` and no longer with `old`, are those of `new` from now on."""
    for path in folder.glob(f"blank-*-{old.key_id}.qcow2"):
        path.replace(path.with_name(path.name.replace(old.key_id, new.key_id)))
    sync_folder(folder)


def _blank(folder: Path, size_bytes: int, key: EncryptionKey) -> Path:
    path = folder / f"blank-{size_bytes}-{key.key_id}.qcow2"
    if not path.exists():
        part = folder / f".{path.name}.{secrets.token_hex(4)}"
        try:
            image.measured(lambda: image.create(part, size_bytes, key))
            sync_file(part)
            part.replace(path)
            _forget_others(folder, key)
            sync_folder(folder)
        finally:
            part.unlink(missing_ok=True)
    return path


def _forget_others(folder: Path, key: EncryptionKey) -> None:
    """What was made with a key that is no longer ours."""
    for path in folder.glob("blank-*.qcow2"):
        if not path.name.endswith(f"-{key.key_id}.qcow2"):
            path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Nearly all of a LUKS header is empty key slots, which become a hole."""
    try:
        with source.open("rb") as read, target.open("wb") as written:
            while piece := read.read(_PIECE_BYTES):
                if piece == _ZEROS[: len(piece)]:
                    written.seek(len(piece), os.SEEK_CUR)
                else:
                    written.write(piece)
            written.truncate()
    except OSError as error:
        raise store_error(error, target) from error
