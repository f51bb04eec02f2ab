"""Digests of one disk's 4 KiB pages in a file: 16 bytes a page, zero bytes where nothing is known.

It takes at most 0.4 % of the disk's size, and no space where nothing is known. Written with pwrite, not
mmap: a full file system is then an error and not a signal that kills the process. Nor does it stop a
cycle: a file that cannot be read or written counts as empty and is dropped at the cycle's end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ...ground import durable, holes
from ..extents import DIGEST_BYTES, PAGE_BYTES, Extent

PAGES_OF_A_BYTE: Final = PAGE_BYTES // DIGEST_BYTES
"""Bytes of the disk for each byte of the file."""


class DigestCacheFile:
    """Digests of the pages of one disk that the target has, or will have once this cycle is acknowledged.
    Used by several threads at once, each on its own range. `forget` and `sync` may raise OSError."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Open the file, created or grown to the disk's size; new pages are unknown."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._bytes = _entries(size_bytes)
        self.broken = False
        # The digest of a short last page is not that of the whole page once the disk grows.
        kept = os.fstat(self._file).st_size
        if kept != self._bytes:
            os.ftruncate(self._file, max(0, min(kept, self._bytes) - DIGEST_BYTES))
            os.ftruncate(self._file, self._bytes)

    def region(self, offset: int, length: int) -> bytes:
        """16 bytes for each page of the range, hashes.UNKNOWN where nothing is known."""
        found = b""
        try:
            if not self.broken:
                found = os.pread(self._file, _entries(length), offset // PAGE_BYTES * DIGEST_BYTES)
        except OSError:
            self.broken = True
        return found.ljust(_entries(length), b"\0")

    def note(self, offset: int, digests: bytes) -> None:
        """Note pages that the target has, or gets with this cycle."""
        try:
            if not self.broken:
                _write_all(self._file, digests, offset // PAGE_BYTES * DIGEST_BYTES)
        except OSError:
            self.broken = True

    def noted(self, offset: int, length: int) -> list[Extent]:
        """The parts of a range of which anything may be known."""
        start = offset // PAGE_BYTES * DIGEST_BYTES
        try:
            if self.broken:
                return []
            found = list(holes.stored(self._file, start, start + _entries(length)))
        except OSError:
            self.broken = True
            return []
        return [Extent(at * PAGES_OF_A_BYTE, (end - at) * PAGES_OF_A_BYTE) for at, end in found]

    def forget(self, extents: Iterable[Extent] | None = None) -> None:
        """Forget these pages; None means all. Durable after `sync`."""
        if extents is None:
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, self._bytes)
            return
        for extent in extents:
            start = extent.offset // PAGE_BYTES
            count = -(-extent.end // PAGE_BYTES) - start
            holes.zero(self._file, start * DIGEST_BYTES, min((start + count) * DIGEST_BYTES, self._bytes))

    def sync(self) -> None:
        durable.sync_data(self._file)

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _write_all(file: int, data: bytes | memoryview, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        at, view = at + written, view[written:]


def _entries(length: int) -> int:
    return -(-length // PAGE_BYTES) * DIGEST_BYTES
