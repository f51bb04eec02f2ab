"""Finds the parts of a disk in which a chain of image files may hold data, by the L1 tables of its files:
some KiB of each are read.

Format: QEMU's interop/qcow2.txt."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from ...ground import real_files
from ...ground.units import MiB

HEAD: Final = struct.Struct(">4sIQIIQIIQQIIQQQQII")
"""Magic, version, place and length of the backing file's name, bits of a cluster, bytes of the disk,
encryption, entries and place of the L1 table, place and clusters of the refcount table, snapshots and their
place, features of three kinds, bits of a refcount, bytes of the header."""
OFFSET: Final = 0x00FFFFFFFFFFFE00
EXTENDED: Final = 1 << 4
_UNDERSTOOD: Final = EXTENDED | 3
"""The feature bits that are understood. They include that the file was not closed, or is damaged: the data
that its tables name is there all the same."""
_MOST_FILES: Final = 1000
_MOST_TABLE_BYTES: Final = 32 * MiB
"""QEMU opens no image with a larger L1 table."""
_CLUSTER_BITS: Final = range(9, 22)


def stretches(path: Path) -> Iterator[tuple[int, int]]:
    """(first byte, end) of each stretch in which `path` or a file below it may hold data; a stretch may come
    several times. A file that is not understood may hold data anywhere: then, or if the chain has no end, the
    last stretch has no end."""
    for _ in range(_MOST_FILES):
        try:
            with real_files.opened(path) as file:
                head = HEAD.unpack(file.read(HEAD.size))
                known = head[:2] == (b"QFI\xfb", 3) and not head[13] & ~_UNDERSTOOD
                if not known or head[4] not in _CLUSTER_BITS:
                    break
                yield from _own(file, head)
                name = os.pread(file.fileno(), min(head[3], 1023), head[2]) if head[2] else b""
        except (OSError, ValueError, struct.error):  # a name may be none for a file
            break
        if not name:
            return
        path = path.parent / os.fsdecode(name)
    yield 0, ENDLESS


ENDLESS: Final = 1 << 63


def own(path: Path) -> Iterator[tuple[int, int]]:
    """The same for one file, to make it smaller: a file that has snapshots or bitmaps, was not closed, or is
    damaged counts as not understood. Raises OSError."""
    with real_files.opened(path) as file:
        try:
            head = HEAD.unpack(file.read(HEAD.size))
            if _is_simple(head):
                yield from _own(file, head)
                return
        except struct.error:
            pass
    yield 0, ENDLESS


def _is_simple(head: tuple[Any, ...]) -> bool:
    odd = head[11] or head[13] & ~EXTENDED or head[14] or head[15]
    return head[:2] == (b"QFI\xfb", 3) and head[4] in _CLUSTER_BITS and not odd


def _own(file: BinaryIO, head: tuple[Any, ...]) -> Iterator[tuple[int, int]]:
    cluster = 1 << head[4]
    covered = cluster * (cluster // (16 if head[13] & EXTENDED else 8))
    for number, entry in enumerate(first_table(file, head)):
        if entry & OFFSET:
            yield number * covered, (number + 1) * covered


def first_table(file: BinaryIO, head: tuple[Any, ...]) -> Iterator[int]:
    """The entries of the L1 table. Raises struct.error for a table that is too large, or not inside the
    file."""
    length = 8 * head[7]
    if length > _MOST_TABLE_BYTES or head[8] + length > os.fstat(file.fileno()).st_size:
        raise struct.error("no first table")
    for (entry,) in struct.iter_unpack(">Q", os.pread(file.fileno(), length, head[8])):
        yield entry
