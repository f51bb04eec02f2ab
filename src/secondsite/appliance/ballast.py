"""Room in the scratch file system that is given away when it is needed at once.

A guest that overwrites faster than anybody looks, a neighbour or a stranger who fills the file system: what they take
is gone. What the ballast holds nobody can take, and letting go of it is one system call. The file has no name, so a
process that dies leaves none behind.
"""

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
"""So long after it was given away it is not taken again: the guests may still need it."""


class Ballast:
    """At most a sixteenth of `budget_bytes`, and an eighth of what `folder` has free when it is taken."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = budget_bytes // PART_OF_BUDGET
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._not_before = 0.0

    @property
    def held_bytes(self) -> int:
        """What it keeps free for the moment when it is needed."""
        with self._lock:
            return os.fstat(self._file.fileno()).st_blocks * 512 if self._file is not None else 0

    def take(self) -> None:
        """Hold it, unless it is held or was given away a moment ago. Without room for it there is none."""
        with self._lock:
            if self._file is None and time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + AGAIN_SECONDS
                with contextlib.suppress(OSError):
                    self._file = self._made()

    def give(self) -> None:
        """Its room is free when this returns."""
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
