"""Makes fresh encrypted images at the cost of a copy.

QEMU measures the processor each time it writes a LUKS header: two seconds of processor time, too much for
a point every few seconds, and a guest stands still while its QEMU does it. So one empty image is made per
folder and size, and copied; the copies share its master key. Whoever has two files of one disk therefore
learns which sectors at the same place are equal, as with two copies of a LUKS disk from different days."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from ...ground.durable import sync_file, sync_folder
from ...ground.units import KiB
from ..encryption import EncryptionKey
from ..files import store_error
from . import image

_PIECE_BYTES: Final = 64 * KiB
_ZEROS: Final = bytes(_PIECE_BYTES)


def create(path: Path, size_bytes: int, key: EncryptionKey, blanks: Path) -> None:
    """Create an empty encrypted qcow2 file as a copy of the blank in `blanks`; an existing file is
    overwritten."""
    _copy(_blank(blanks, size_bytes, key), path)


def create_overlay(
    path: Path, backing: Path, size_bytes: int, key: EncryptionKey, blanks: Path, *, relative: bool = True
) -> None:
    """The encrypted counterpart of `image.create_overlay`, over a qcow2 file."""
    create(path, size_bytes, key, blanks)
    image.rebase(path, backing, "qcow2", key, relative=relative)


def rename(folder: Path, old: EncryptionKey, new: EncryptionKey) -> None:
    """Rename the blanks of a folder, which now open with `new` and no longer with `old`."""
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
    """Remove the blanks of former keys."""
    for path in folder.glob("blank-*.qcow2"):
        if not path.name.endswith(f"-{key.key_id}.qcow2"):
            path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a file; most of a LUKS header is empty key slots, which become a hole."""
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
