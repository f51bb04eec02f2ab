"""One process at a time in an appliance's home."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ...domain import errors
from ...ground.lockfile import LockFile

FILE = "appliance.lock"


@contextlib.contextmanager
def alone(home: Path, within_seconds: float = 0) -> Iterator[None]:
    """Lock the home inside the context; the lock ends with the process. Raises NotPossibleNow if another process
    still has it after `within_seconds`."""
    lock = LockFile(home / FILE)
    if not lock.take(within_seconds):
        raise errors.NotPossibleNow(
            f"An appliance runs in {home}.",
            do="Stop it first: 'systemctl stop secondsite-appliance'.",
        )
    try:
        yield
    finally:
        lock.release()
