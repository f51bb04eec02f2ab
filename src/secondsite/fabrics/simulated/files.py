"""Small files that several processes share: whole on every read, and locks that end with their holder.

Files are replaced by rename and not synced: a simulated site has to survive the death of processes, not of its host.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from ...domain import errors

POLL_SECONDS = 0.002


def replace(path: Path, text: str) -> None:
    """Write a file so that readers see the old content or the new, nothing between."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fresh.write_text(text)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


def inode(path: Path) -> int:
    """Which file it is: another one under the same name has another number. 0 if it is not there."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


@contextlib.contextmanager
def locked(path: Path, deadline_seconds: float, purpose: str, shared: bool = False) -> Iterator[None]:
    """Hold a lock file; raises FabricError when another holder does not let go within the deadline."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, deadline_seconds, purpose)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, kind: int, deadline_seconds: float, purpose: str) -> None:
    deadline = time.monotonic() + deadline_seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise errors.FabricError(
                    f"Cannot {purpose}: something else holds it for {deadline_seconds:g} s already.",
                    do="Wait for the other operation on this machine to end, then repeat.",
                ) from None
            time.sleep(POLL_SECONDS)
