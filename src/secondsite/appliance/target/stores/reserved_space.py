"""Reserves space of a store that replication cannot take: a machine that is to run from a full store needs
some for its overlays.

Cycles can fill a store without anybody's doing, and many a disaster follows a busy night. The file is not
held open, so a store can still be unmounted. While the file cannot be made, cycles that would take the last
of the space are refused."""

import contextlib
import os
import threading
from pathlib import Path

from ....ground import usage
from ....ground.units import KiB, MiB
from ....rescue import RESERVE

MOST_BYTES = 64 * MiB
PART_OF_STORE = 50
AMPLE = 2
"""If machines run there, this many times its size must be free before it is made again."""
OVERLAY_BYTES = 256 * KiB
"""What QEMU needs for an empty overlay; the replica's own notes of a start need as much again."""


class ReservedSpace:
    """The reserve for starts in the file system of a store's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / RESERVE
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes that are reserved now."""
        try:
            return usage.stored_bytes(self._file)
        except OSError:  # such as one of the medium
            return 0

    def size_bytes(self) -> int:
        """Bytes that should be reserved."""
        seen = os.statvfs(self._root)
        return min(MOST_BYTES, seen.f_blocks * seen.f_frsize // PART_OF_STORE)

    def lacks_bytes(self) -> int:
        """Bytes of the reserve that are neither reserved nor free: while there are any, the store takes no
        more cycles."""
        return max(0, self.size_bytes() - self.held_bytes - self.free_bytes())

    def keep(self, *, machines_run: bool) -> None:
        """Reserve the space, unless it is reserved. If little is left, nothing is taken from machines that
        run there."""
        with self._lock, contextlib.suppress(OSError):
            size_bytes, free = self.size_bytes(), self.free_bytes()
            if not self.held_bytes and (not machines_run or free >= AMPLE * size_bytes):
                _make(self._file, min(size_bytes, free * 7 // 8))

    def release(self) -> bool:
        """Free the reserve for a start; False if there is none."""
        with self._lock, contextlib.suppress(OSError):
            self._file.unlink()
            return True
        return False

    def free_bytes(self) -> int:
        """Free bytes that anybody may use."""
        return usage.free_bytes(self._root)


def needed_bytes(disks: int) -> int:
    """Bytes without which no machine with this many disks starts."""
    return OVERLAY_BYTES * (disks + 1)


def _make(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError:
            path.unlink()
            raise
