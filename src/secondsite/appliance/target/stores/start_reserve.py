"""Space of a store that replication does not take: a machine that is to run from a full store needs some for its overlays.

Cycles fill a store by themselves, and a busy night comes before many a disaster. The file has no name, so a crash leaves none behind; while it
cannot be made, cycles are refused that would take the last of the space."""

import contextlib
import os
import tempfile
import threading
from pathlib import Path
from typing import IO

from ....ground.units import KiB, MiB

MOST_BYTES = 64 * MiB
PART_OF_STORE = 50
AMPLE = 2
"""Where machines run, so many times its size must be free before it is made again."""
OVERLAY_BYTES = 256 * KiB
"""What QEMU needs for an empty one, and as much for the replica's own notes of a start."""


class StartReserve:
    """Of the file system of `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes that are kept now."""
        with self._lock:
            return os.fstat(self._file.fileno()).st_blocks * 512 if self._file is not None else 0

    def size_bytes(self) -> int:
        """Bytes that are to be kept."""
        seen = os.statvfs(self._folder)
        return min(MOST_BYTES, seen.f_blocks * seen.f_frsize // PART_OF_STORE)

    def lacks_bytes(self) -> int:
        """Bytes of the reserve that are neither kept nor free: while there are any, nothing more is to be taken."""
        return max(0, self.size_bytes() - self.held_bytes - self.free_bytes())

    def keep(self, *, machines_run: bool) -> None:
        """Keep the space, unless it is kept. Of little that is left nothing is taken from machines that run there."""
        with self._lock, contextlib.suppress(OSError):
            size_bytes, free = self.size_bytes(), self.free_bytes()
            if self._file is None and (not machines_run or free >= AMPLE * size_bytes):
                self._file = _made(self._folder, min(size_bytes, free * 7 // 8))

    def release(self) -> bool:
        """Give it up for a start; False if there is none."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            file.close()
        return file is not None

    def free_bytes(self) -> int:
        """Bytes that anybody may take."""
        seen = os.statvfs(self._folder)
        return seen.f_bavail * seen.f_frsize


def needed_bytes(disks: int) -> int:
    """Without so much no machine with so many disks starts."""
    return OVERLAY_BYTES * (disks + 1)


def _made(folder: Path, size_bytes: int) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    try:
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    except OSError:
        file.close()
        raise
    return file
