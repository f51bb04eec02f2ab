"""Reads a qcow2 file's header: which other files QEMU would open, how large its clusters are, and whether it
can keep bitmaps."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from ...ground import real_files
from .. import errors

MAGIC = b"QFI\xfb"
_HEAD = struct.Struct(">4sIQI")
_FEATURES_AT, _DATA_FILE = 72, 1 << 2
_CLUSTER_BITS_AT = 20
_READ_BYTES = 4096
KEEPS_BITMAPS_SINCE = 3
ODD_HEADER = "its header is no qcow2 header of version 3"
_LONGEST_NAME = 1023
"""The longest name of a backing file, in bytes, as QEMU documents the format."""


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """The files that a header names: `backing` as it is written there, None without one; `data`: whether the
    guest's data is in another file."""

    backing: str | None
    data: bool


def of(path: Path) -> NamedFiles:
    """The files that an image's header names. Raises ImageProblem for a file that cannot be read, or is no
    qcow2 file of version 3."""
    version, named = _told(path)
    if version < 3:
        raise _odd(path, ODD_HEADER)
    return named


def _told(path: Path) -> tuple[int, NamedFiles]:
    """The header's version, and the files that it names. Raises ImageProblem."""
    try:
        with real_files.opened(path) as file:
            head = file.read(_READ_BYTES)
            magic, version, offset, length = _HEAD.unpack_from(head)
            if magic != MAGIC or length > _LONGEST_NAME:
                raise _odd(path, ODD_HEADER)
            file.seek(offset)
            name = file.read(length) if offset else b""
        features = struct.unpack_from(">Q", head, _FEATURES_AT)[0] if version >= 3 else 0
    except (OSError, struct.error) as error:
        raise _odd(path, str(error)) from error
    return version, NamedFiles(name.decode(errors="replace") or None, bool(features & _DATA_FILE))


def keeps_bitmaps(path: Path) -> bool:
    """Whether an image can keep bitmaps, which none of version 2 (compat=0.10) can. True of a file that
    cannot be read: QEMU reports what is wrong with it when it opens it."""
    try:
        return _told(path)[0] >= KEEPS_BITMAPS_SINCE
    except errors.ImageProblem:
        return True


def cluster_bytes(path: Path) -> int | None:
    """The size of the image's clusters in bytes, 512 bytes to 2 MiB; None if the header does not say: QEMU
    reports what is wrong with the file when it opens it."""
    try:
        with real_files.opened(path) as file:
            (bits,) = struct.unpack_from(">I", file.read(_READ_BYTES), _CLUSTER_BITS_AT)
    except (OSError, struct.error):
        return None
    return 1 << int(bits) if 9 <= bits <= 21 else None


def _odd(path: Path, why: str) -> errors.ImageProblem:
    return errors.ImageProblem(f"{path} cannot be used: {why}.", do="Check its file system and the file.")
