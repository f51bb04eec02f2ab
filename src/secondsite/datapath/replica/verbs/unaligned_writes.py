"""Writes frames of any alignment to one disk of the head, and keeps the digests of its 64 KiB blocks correct.

Blocks written whole are digested from the frame. Blocks written in part are read back from the disk; they are
gathered and read together, because reading each alone would cost a round trip per page."""

from __future__ import annotations

from typing import Final

from ...digests import DigestMap
from ...disks import Buffers, NbdDisk, Writes
from ...extents import BLOCK_BYTES, Extent, intersect, merge
from ...frames import Frame

MOST_BLOCKS: Final = 4096
"""The most blocks that wait to be read back: 256 MiB of the disk, and little memory."""


class UnalignedWrites:
    """The writes of one cycle to one disk. `finish` makes the digests correct; an interrupted cycle is
    applied again."""

    def __init__(self, disk: NbdDisk, digests: DigestMap, queue: Writes, *, trusting: bool = False) -> None:
        """`trusting`: the digests describe what the disk holds, so that zeros are not written over zeros.
        A cycle that is applied again may have changed the digests of blocks that a power cut left as they
        were."""
        self._trusting = trusting
        self._disk = disk
        self._digests = digests
        self._queue = queue
        self._in_part: set[int] = set()

    def write(self, piece: Frame) -> None:
        """Begin to write a piece."""
        if piece.zero:
            for extent in self._not_zero(Extent(piece.offset, piece.length)):
                self._queue.zero(extent.length, extent.offset)
        else:
            self._queue.write(piece.data, piece.offset)
        self._note(piece)
        if len(self._in_part) >= MOST_BLOCKS:
            self.finish()

    def _not_zero(self, wanted: Extent) -> list[Extent]:
        """The parts that may hold data: zeroing a hole of terabytes would make tables for all of it."""
        if not self._trusting or wanted.length < BLOCK_BYTES:
            return [wanted]
        start = wanted.offset // BLOCK_BYTES * BLOCK_BYTES
        held = self._digests.held(start, wanted.end - start)
        in_part = [Extent(number * BLOCK_BYTES, BLOCK_BYTES) for number in self._in_part]
        return intersect([*held, *in_part], wanted.offset, wanted.length)

    def _note(self, piece: Frame) -> None:
        start, end = piece.offset, piece.offset + piece.length
        first, last = -(-start // BLOCK_BYTES), end // BLOCK_BYTES
        if end == self._disk.size_bytes:
            last = -(-end // BLOCK_BYTES)
        if start % BLOCK_BYTES:
            self._in_part.add(start // BLOCK_BYTES)
        if last * BLOCK_BYTES < end:
            self._in_part.add(last)
        if first < last:
            self._note_whole(piece, first * BLOCK_BYTES, min(last * BLOCK_BYTES, end))

    def _note_whole(self, piece: Frame, start: int, end: int) -> None:
        if piece.zero:
            self._digests.zero(start, end - start)
        else:
            self._digests.write(start, memoryview(piece.data)[start - piece.offset : end - piece.offset])

    def finish(self) -> None:
        """Digest the blocks that were written in part."""
        if not self._in_part:
            return
        self._queue.settle()
        size_bytes, buffers = self._disk.size_bytes, Buffers()
        starts = [number * BLOCK_BYTES for number in self._in_part]
        blocks = merge(Extent(start, min(BLOCK_BYTES, size_bytes - start)) for start in starts)
        for offset, raw in self._disk.read_many(blocks, buffers):
            self._digests.write(offset, raw)
            buffers.give(raw)
        self._in_part.clear()
