"""In which parts of a disk a chain of image files may hold anything, by the first tables of its files: some KiB of each are read.

Format: QEMU's interop/qcow2.txt."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ...ground.handed_over import real_files

HEAD: Final = struct.Struct(">4sIQIIQIIQQIIQQQQII")
"""Magic, version, place and length of the backing file's name, bits of a cluster, bytes of the disk, encryption, entries and place of the first
table, place and clusters of the counts' table, snapshots and their place, features of three kinds, bits of a count, bytes of the header."""
OFFSET: Final = 0x00FFFFFFFFFFFE00
EXTENDED: Final = 1 << 4
_UNDERSTOOD: Final = EXTENDED | 3
"""And that it was not closed, or is damaged: what its tables name is held all the same."""
_MOST_FILES: Final = 1000


def stretches(path: Path) -> Iterator[tuple[int, int]]:
    """(first byte, end) of each stretch in which a file of the chain below `path`, it included, may hold something; a stretch may be there several times.
    What is not understood may hold something anywhere: then, and where the chain does not end, the last one has no end."""
    for _ in range(_MOST_FILES):
        try:
            with real_files.opened(path) as file:
                head = HEAD.unpack(file.read(HEAD.size))
                if head[:2] != (b"QFI\xfb", 3) or head[13] & ~_UNDERSTOOD:
                    break
                yield from _own(file, head)
                name = os.pread(file.fileno(), min(head[3], 1023), head[2]) if head[2] else b""
        except (OSError, struct.error):
            break
        if not name:
            return
        path = path.parent / os.fsdecode(name)
    yield 0, ENDLESS


ENDLESS: Final = 1 << 63


def own(path: Path) -> Iterator[tuple[int, int]]:
    """The same of one file, for who makes it smaller: what has snapshots or bitmaps, was not closed or is damaged, counts as not understood.
    Raises OSError."""
    with real_files.opened(path) as file:
        head = file.read(HEAD.size)
        if _is_simple(head):
            yield from _own(file, HEAD.unpack(head))
        else:
            yield 0, ENDLESS


def _is_simple(raw: bytes) -> bool:
    if len(raw) < HEAD.size:
        return False
    head = HEAD.unpack(raw)
    return head[:2] == (b"QFI\xfb", 3) and not (head[11] or head[13] & ~EXTENDED or head[14] or head[15])


def _own(file: BinaryIO, head: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    cluster = 1 << head[4]
    covered = cluster * (cluster // (16 if head[13] & EXTENDED else 8))
    table = os.pread(file.fileno(), 8 * head[7], head[8])
    for number, (entry,) in enumerate(struct.iter_unpack(">Q", table)):
        if entry & OFFSET:
            yield number * covered, (number + 1) * covered
