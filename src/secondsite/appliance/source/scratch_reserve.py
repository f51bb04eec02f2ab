"""Space in the scratch file system that is reserved, and released when a guest needs it at once.

A guest that overwrites fast, or another program, can fill the file system between two looks of the guard. The
reserved space is still there then, and releasing it takes one system call. The file has no name, so a crash
leaves none behind."""

import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

PART_OF_BUDGET = 16
PART_OF_FREE = 8
AGAIN_SECONDS = 10.0
"""Seconds to wait after a release before the space is reserved again: guests may still need it."""


class ScratchReserve:
    """The reserved space: at most a sixteenth of `budget_bytes`, and an eighth of the free space of
    `folder`."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = budget_bytes // PART_OF_BUDGET
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._not_before = 0.0

    @property
    def size_bytes(self) -> int:
        """Bytes that are reserved now."""
        with self._lock:
            return os.fstat(self._file.fileno()).st_blocks * 512 if self._file is not None else 0

    def fill(self) -> None:
        """Reserve the space, unless it is reserved or was released a moment ago. On a full file system
        nothing is reserved."""
        with self._lock:
            if self._file is None and time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + AGAIN_SECONDS
                with contextlib.suppress(OSError):
                    self._file = self._made()

    def release(self) -> None:
        """Free the reserved space."""
        with self._lock:
            self._not_before = time.monotonic() + AGAIN_SECONDS
            if self._file is not None:
                self._file.close()
                self._file = None

    def _made(self) -> IO[bytes] | None:
        seen = os.statvfs(self._folder)
        size_bytes = min(self._most_bytes, seen.f_bavail * seen.f_frsize // PART_OF_FREE)
        if size_bytes <= 0:
            return None
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        try:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError:
            file.close()
            raise
        return file
