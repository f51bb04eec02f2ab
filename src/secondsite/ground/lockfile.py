"""Locks of processes on files: a process that dies releases them."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from pathlib import Path
from typing import IO

_RECORD = struct.Struct("hhqqi4x")
"""struct flock with 64-bit offsets: kind, whence, start, length, process."""
QEMU_WRITES = 101
"""The byte whose lock says that a program of QEMU's may write (RAW_LOCK_PERM_BASE and BLK_PERM_WRITE)."""


class LockFile:
    """A file that one process locks, or several that share it. Two LockFiles in one process exclude each
    other too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(
        self, within_seconds: float = 0.0, shared: bool = False, look_every_seconds: float = 0.1
    ) -> bool:
        """Lock it until `release` or the end of the process; False when another process still has it after
        `within_seconds`. Makes the file; raises OSError if that is not possible."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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
        """Harmless when it is not locked."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def sign(self) -> None:
        """Write this process's id into the file, for others who find it locked."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def signature(self) -> str:
        """What its owner wrote into it; "unknown" if nothing."""
        return self.path.read_text(errors="replace").strip() or "unknown"


def wait_alone(file: int) -> None:
    """Lock an open file until it is closed; waits however long that takes."""
    fcntl.flock(file, fcntl.LOCK_EX)


def take_record(file: IO[str]) -> bool:
    """Lock the first byte of an open file, the POSIX way, as other programs do; False when another process
    has it.

    Such a lock ends as soon as this process closes any descriptor of the file, and excludes nothing in this
    process.
    """
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
    except OSError:
        return False
    return True


def record_holder(path: Path) -> int | None:
    """The other process that locks the file's first byte the POSIX way; None if no process that is visible
    here does."""
    try:
        with path.open("rb") as file:
            asked = _RECORD.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
            kind, _, _, _, pid = _RECORD.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except OSError:
        return None
    return pid if kind != fcntl.F_UNLCK and pid > 0 else None


def is_written_by_qemu(path: Path) -> bool:
    """Whether a program of QEMU's has an image open for writing, by its locks: each writer shares that of
    one byte."""
    try:
        with path.open("rb") as file:
            asked = _RECORD.pack(fcntl.F_WRLCK, os.SEEK_SET, QEMU_WRITES, 1, 0)
            kind, *_ = _RECORD.unpack(fcntl.fcntl(file, fcntl.F_OFD_GETLK, asked))
    except FileNotFoundError:
        return False
    return bool(kind != fcntl.F_UNLCK)


def _taken(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
