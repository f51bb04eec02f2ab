"""Changes LUKS headers of many qcow2 images that are copies of one: the change to one is copied to the
others.

QEMU measures the processor for most of a second before it adds a key to a header, and a replica has a hundred
layers. Those with the same descriptor, the header's first 592 bytes, have the same master key and key slots
(LUKS1 On-Disk Format Specification 1.2.3); an extension tells where a qcow2 file has its header (QEMU's
interop/qcow2.txt, "Full disk encryption header pointer").
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from ...ground import durable, real_files
from .. import errors
from ..encryption import EncryptionKey
from ..errors import ImageProblem
from ..files import store_error
from . import image

_DESCRIPTOR_BYTES: Final = 592
_POINTER: Final = 0x0537BE77
_HEADER_LENGTH_AT: Final = 100
_LUKS: Final = b"LUKS\xba\xbe"


def change_all(paths: Iterable[Path], change: Callable[[Path], None], *, descriptor_first: bool) -> None:
    """Apply `change` to the header of each image, once for all that are equal; durable when it returns.

    `descriptor_first` orders the copying: to remove a key, its slot is made invalid first; to add one, its
    slot is made valid last. Raises ImageProblem, StoreFull, and what `change` raises."""
    changed: dict[bytes, Path] = {}
    for path in paths:
        before = descriptor(path)
        if before in changed:
            _copy(changed[before], path, descriptor_first)
        else:
            change(path)
            changed[before] = path


def descriptor(path: Path) -> bytes:
    """The bytes that identify an image's master key and key slots. Raises ImageProblem if it has none."""
    try:
        with real_files.opened(path) as file:
            at, _ = _place(file, path)
            file.seek(at)
            return file.read(_DESCRIPTOR_BYTES)
    except OSError as error:
        raise store_error(error, path) from error


def _copy(source: Path, target: Path, descriptor_first: bool) -> None:
    try:
        with source.open("rb") as read, target.open("r+b") as written:
            (read_at, length), (write_at, there) = _place(read, source), _place(written, target)
            if length != there:
                raise _no_header(target)
            parts = [(0, _DESCRIPTOR_BYTES), (_DESCRIPTOR_BYTES, length)]
            for begin, end in parts if descriptor_first else reversed(parts):
                data = os.pread(read.fileno(), end - begin, read_at + begin)
                _write_changed(written.fileno(), data, write_at + begin)
                durable.sync(written)
    except OSError as error:
        raise store_error(error, target) from error


def _write_changed(file: int, data: bytes, at: int, piece_bytes: int = 4096) -> None:
    """Write only what changed: most of a header is holes, which stay holes."""
    for start in range(0, len(data), piece_bytes):
        piece = data[start : start + piece_bytes]
        if os.pread(file, len(piece), at + start) != piece:
            os.pwrite(file, piece, at + start)


def _place(file: BinaryIO, path: Path) -> tuple[int, int]:
    """Offset and length of the LUKS header in a qcow2 file."""
    head = os.pread(file.fileno(), 65536, 0)
    if head[:4] == b"QFI\xfb" and len(head) > _HEADER_LENGTH_AT + 4:
        (at,) = struct.unpack_from(">I", head, _HEADER_LENGTH_AT)
        while at + 24 <= len(head):
            kind, length = struct.unpack_from(">II", head, at)
            if kind == _POINTER:
                offset, size = struct.unpack_from(">QQ", head, at + 8)
                if os.pread(file.fileno(), len(_LUKS), offset) == _LUKS:
                    return offset, size
            if kind == 0:
                break
            at += 8 + -(-length // 8) * 8
    raise _no_header(path)


def _no_header(path: Path) -> errors.ImageProblem:
    return errors.ImageProblem(
        f"{path} does not have the encryption header that is expected.",
        do="Check the file with 'qemu-img check', or remove the replica and protect the machine again.",
    )


# The keys of an encrypted image: LUKS key slots, through `qemu-img amend` (QEMU 5.1 and later). Nobody may
# have the image open.

_WRONG: Final = "cannot unlock any keyslot"


def opens(path: Path, key: EncryptionKey) -> bool:
    """Whether an image opens with a key; raises ImageProblem when it cannot be opened at all."""
    try:
        # 'qemu-img info' would open no key slot.
        image.run("map", "--output=json", "--max-length=512", *image.opened(path, key), about=path)
    except ImageProblem as problem:
        if _WRONG in problem.message:
            return False
        raise
    return True


def add(path: Path, key: EncryptionKey, new: EncryptionKey) -> None:
    """Make an image that opens with `key` open with `new` too; harmless if it already does. Takes most of a
    second of processor time."""
    if not opens(path, new):
        options = f"encrypt.state=active,encrypt.new-secret={new.name},{image.KEY_STRETCHING}"
        image.measured(lambda: _amend(path, key, new, options))


def remove(path: Path, key: EncryptionKey, old: EncryptionKey) -> None:
    """Stop an image that opens with `key` from opening with `old`."""
    if opens(path, old):
        _amend(path, key, old, f"encrypt.state=inactive,encrypt.old-secret={old.name}")


def _amend(path: Path, key: EncryptionKey, other: EncryptionKey, options: str) -> None:
    secret = image.secret_arguments(other)
    image.run("amend", "-q", *secret, "-o", options, *image.opened(path, key), about=path)
