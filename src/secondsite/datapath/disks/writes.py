"""Writes to a disk, several in flight: waiting for each would cost a context switch per frame.

A server may reorder writes in flight, so a write that overlaps one in flight waits for it.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Final

from ...ground.units import MiB
from ..errors import DiskUnreadable
from .nbd_disk import NbdDisk, Write

DEPTH: Final = 16
"""Writes in flight: one frame each, so 16 MiB at most."""

FLUSH_BYTES: Final = 64 * MiB
"""Bytes between background flushes: a single flush at the end would keep the peer waiting."""


class Writes:
    """Writes with several in flight. Use it inside `with`: leaving waits for writes in flight, so that no
    buffer is freed before its write ends."""

    def __init__(self, disk: NbdDisk) -> None:
        self._disk = disk
        self._flying: deque[Write] = deque()
        self._flush: Write | None = None
        self._unflushed_bytes = 0

    def __enter__(self) -> Writes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.settle()
        except DiskUnreadable:
            self._disk.close()
            if error is None:
                raise

    def write(self, data: bytes | bytearray | memoryview, offset: int) -> None:
        """Write all of `data` at `offset`; at most 32 MiB. May raise DiskUnreadable of an earlier write."""
        self._free_space(offset, len(data))
        self._flying.append(self._disk.begin_write(data, offset))
        self._unflushed_bytes += len(data)
        if self._unflushed_bytes >= FLUSH_BYTES:
            self._flush_on()

    def zero(self, length: int, offset: int) -> None:
        """Make the range read as zeros; any length."""
        self._free_space(offset, length)
        self._flying.extend(self._disk.begin_zero(length, offset))

    def settle(self) -> None:
        """Return when nothing is in flight; raises DiskUnreadable if a write failed."""
        while self._flying:
            self._end_oldest()
        self._end_flush()

    def _flush_on(self) -> None:
        """Begin a flush in the background; one at a time."""
        self._end_flush()
        self._flush = self._disk.begin_flush()
        self._unflushed_bytes = 0

    def _end_flush(self) -> None:
        flush, self._flush = self._flush, None
        if flush is not None:
            self._disk.end_write(flush)

    def _free_space(self, offset: int, length: int) -> None:
        if any(write.overlaps(offset, length) for write in self._flying):
            self.settle()
        while len(self._flying) >= DEPTH:
            self._end_oldest()

    def _end_oldest(self) -> None:
        # It stays in the queue until it ends: libnbd reads from its buffer.
        try:
            self._disk.end_write(self._flying[0])
        except DiskUnreadable:
            # it has ended too: asked for again, it would not answer for a minute
            self._flying.popleft()
            raise
        self._flying.popleft()
