"""Locks that processes hold on files: who dies lets go."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO


class LockFile:
    """A file that one process holds, or several that share it. Two of these in one process keep each other out too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(
        self, within_seconds: float = 0.0, shared: bool = False, look_every_seconds: float = 0.1
    ) -> bool:
        """Hold it until `release` or the end of the process; False when another one still has it after
        `within_seconds`. Makes the file; raises OSError where that is not possible."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = time.monotonic() + within_seconds
        while not _taken(file, kind):
            if time.monotonic() >= deadline:
                os.close(file)
                return False
            time.sleep(look_every_seconds)
        self._file = file
        return True

    def release(self) -> None:
        """Harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def sign(self) -> None:
        """Write this process's number into the file, for those who find it taken."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def signature(self) -> str:
        """What the holder wrote into it; "unknown" for nothing."""
        return self.path.read_text(errors="replace").strip() or "unknown"


def wait_alone(file: int) -> None:
    """Have an open file alone until it is closed, however long that takes."""
    fcntl.flock(file, fcntl.LOCK_EX)


def take_record(file: IO[str]) -> bool:
    """Lock the first byte of an open file, as POSIX has it and other programs do it; False when another process has it.

    Such a lock ends as soon as this process closes the file under any descriptor, and keeps nobody out who is in it.
    """
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
    except OSError:
        return False
    return True


def _taken(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
