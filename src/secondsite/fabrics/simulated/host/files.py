"""Small files that several processes share: each read sees a whole file, and locks end with their owner.

Files are replaced by rename and not synced: a simulated site must survive the death of processes, not of its
host.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from ....domain import errors
from ....ground.lockfile import LockFile

POLL_SECONDS = 0.002


def replace(path: Path, text: str) -> None:
    """Replace a file in one step: readers see the old content or the new."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fresh.write_text(text)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, deadline_seconds: float, purpose: str, shared: bool = False) -> Iterator[None]:
    """Lock a file inside the context; raises FabricError if its owner keeps it beyond the deadline."""
    lock = LockFile(path)
    if not lock.take(deadline_seconds, shared, POLL_SECONDS):
        raise errors.FabricError(
            f"Cannot {purpose}: something else has held it for {deadline_seconds:g} s.",
            do="Wait for the other operation on this machine to end, then repeat.",
        )
    try:
        yield
    finally:
        lock.release()
