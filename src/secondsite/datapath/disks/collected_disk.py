"""Blocks of a disk that were read already, and lie at their place in a file without a name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .. import extents
from ..errors import DiskUnreadable
from ..extents import CHUNK_BYTES, Extent
from .buffers import Buffers

STAT_BYTES = 512


class CollectedDisk:
    """What was collected of one disk; all else of it cannot be read. It ends with the process, or with
    `close`."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        """An empty one; its file lies in `folder` and takes the space of what is collected."""
        self.size_bytes = size_bytes
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._known: list[Extent] = []

    def close(self) -> None:
        """Give its space back; harmless when repeated."""
        self._file.close()

    def keep(self, chunks: Iterable[tuple[int, bytearray]]) -> None:
        """Take what was read: (offset, bytes) in any order, apart from each other. What is zeros takes no
        space."""
        came: list[Extent] = []
        for offset, data in chunks:
            zero = not any(data)
            if zero:
                self._clear(offset, len(data))
            else:
                self._write(offset, data)
            came.append(Extent(offset, len(data), zero))
        self._known = extents.merge([*extents.subtract(self._known, came), *came])

    def _write(self, offset: int, data: bytearray) -> None:
        left = memoryview(data)
        while left:
            count = os.pwrite(self._file.fileno(), left, offset)
            left, offset = left[count:], offset + count

    def _clear(self, offset: int, length: int) -> None:
        if extents.intersect(self._known, offset, length):
            self._write(offset, bytearray(length))

    @property
    def used_bytes(self) -> int:
        """The space that it takes."""
        return 0 if self._file.closed else os.fstat(self._file.fileno()).st_blocks * STAT_BYTES

    def dirty(self, offset: int = 0, length: int | None = None) -> list[Extent]:
        """Extents of the range that were collected."""
        return extents.merge(Extent(e.offset, e.length) for e in self._within(offset, length))

    def allocation(self, offset: int, length: int) -> list[Extent]:
        """What was collected of the range, as data and zero extents."""
        return self._within(offset, length)

    def _within(self, offset: int, length: int | None) -> list[Extent]:
        return extents.intersect(self._known, offset, self.size_bytes - offset if length is None else length)

    def read_many(
        self, wanted: Iterable[Extent], buffers: Buffers | None = None
    ) -> Iterator[tuple[int, bytearray]]:
        """(offset, bytes) of every extent, in order, in chunks that end at multiples of CHUNK_BYTES. Raises
        DiskUnreadable for what was not collected."""
        buffers, wanted = buffers or Buffers(), list(wanted)
        self._require(wanted)
        for chunk in extents.split(wanted, CHUNK_BYTES):
            data = buffers.take(chunk.length)
            self._read(chunk.offset, data)
            yield chunk.offset, data

    def _require(self, wanted: Sequence[Extent]) -> None:
        missing = extents.subtract(wanted, self._known)
        if missing:
            raise DiskUnreadable(
                f"{missing[0].length} bytes at {missing[0].offset} were not read with the changes",
                do="resynchronize the machine",
            )

    def _read(self, offset: int, into: bytearray) -> None:
        found = os.preadv(self._file.fileno(), [into], offset)
        if found < len(into):  # a file is as long as its last data
            into[found:] = bytes(len(into) - found)

    def pread(self, length: int, offset: int) -> bytes:
        """`length` bytes at `offset`."""
        return b"".join(bytes(data) for _, data in self.read_many([Extent(offset, length)]))

    def land(self) -> None:
        """Nothing is in flight."""
