"""Reads a whole disk in blocks, skipping known zeros, to build a digest map or to verify a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .. import errors
from ..disks import STATUS_BYTES, NbdDisk
from ..extents import BLOCK_BYTES, Extent
from .digest_map import DigestMap, RunningDigest

SPAN_BYTES: Final = STATUS_BYTES
"""Bytes of the disk that are asked about at a time; empty ranges cost no more than the question."""
Asked = Callable[[], bool]


Told = Callable[[int, int], None]
"""Called repeatedly with (bytes done, bytes of them that were read); it may block."""


def never() -> bool:
    return False


def nobody(_through: int, _read: int) -> None:
    """For callers that want no progress."""


def scan(
    disk: NbdDisk, cancelled: Asked = never, start: int = 0
) -> Iterator[tuple[int, int, bytearray | None]]:
    """(offset, length, data) of the disk from `start` on, in order; data is None for zeros. Offsets are whole
    blocks."""
    for at in range(start, disk.size_bytes, SPAN_BYTES):
        yield from _span(disk, at, min(at + SPAN_BYTES, disk.size_bytes), cancelled)


def build(
    path: Path, disk: NbdDisk, epoch: int, seq: int, cancelled: Asked = never, told: Told = nobody
) -> DigestMap:
    """The map of what `disk` holds, made by reading it; raises Cancelled."""
    digests = DigestMap.create(path, disk.size_bytes, epoch, NOT_BUILT)
    try:
        for offset, length, data in scan(disk, cancelled):
            if data is not None:
                digests.write(offset, data)
            told(length, 0 if data is None else length)
        digests.mark(epoch, seq)
    except BaseException:
        digests.close()
        raise
    return digests


NOT_BUILT: Final = (1 << 64) - 1
"""The mark of a map that is being built: the state after a cycle that never comes."""


def whole_digest(disk: NbdDisk, cancelled: Asked = never, told: Told = nobody) -> tuple[str, int]:
    """A disk's digest (hex) and the bytes that were read for it."""
    running, read_bytes = RunningDigest(), 0
    for _offset, length, data in scan(disk, cancelled):
        if data is None:
            running.zeros(length)
        else:
            running.data(data)
            read_bytes += length
        disk.land()
        told(length, 0 if data is None else length)
    return running.hexdigest(), read_bytes


def _span(
    disk: NbdDisk, start: int, end: int, cancelled: Asked
) -> Iterator[tuple[int, int, bytearray | None]]:
    if cancelled():
        raise _stopped()
    data = [extent for extent in disk.allocation(start, end - start) if not extent.zero]
    wanted = _whole_blocks(data, end)
    at = start
    for offset, chunk in disk.read_many(wanted):
        if cancelled():
            raise _stopped()
        if offset > at:
            yield at, offset - at, None
        yield offset, len(chunk), chunk
        at = offset + len(chunk)
    if at < end:
        yield at, end - at, None


def _stopped() -> errors.Cancelled:
    return errors.Cancelled("Reading the disk was stopped.", do="Start it again when it suits.")


def _whole_blocks(data: list[Extent], end: int) -> list[Extent]:
    """The blocks that hold any of `data`, neighbours joined; `data` is sorted."""
    blocks: list[Extent] = []
    for extent in data:
        first = extent.offset // BLOCK_BYTES * BLOCK_BYTES
        last = min(-(-extent.end // BLOCK_BYTES) * BLOCK_BYTES, end)
        if blocks and first <= blocks[-1].end:
            first = blocks.pop().offset
        blocks.append(Extent(first, last - first))
    return blocks
