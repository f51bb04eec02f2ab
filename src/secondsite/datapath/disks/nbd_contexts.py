"""What an NBD server says about the extents of a disk: names of its meta contexts, and how to read the
answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..extents import Extent

ALLOCATION: Final = "base:allocation"
DEPTH_CONTEXT: Final = "qemu:allocation-depth"
DIRTY: Final = 1
"""The flag of a dirty extent."""
STORED: Final = 0xFFFFFFFF
"""The bits that hold a depth: 0 means stored nowhere, 1 stored by the image itself, 2 by the file below it,
and so on."""
ZERO: Final = 2


def bitmap_context(name: str) -> str:
    """The NBD meta context of a QEMU dirty bitmap."""
    return f"qemu:dirty-bitmap:{name}"


def clipped(entries: list[int], offset: int, length: int) -> Iterator[tuple[Extent, int]]:
    """The (length, flags) pairs from `offset` on, cut after `length` bytes."""
    end = offset + length
    for size, flags in zip(entries[::2], entries[1::2], strict=True):
        if offset >= end:
            return
        yield Extent(offset, min(size, end - offset)), flags
        offset += size
