"""One process at a time works in an appliance's home."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..domain import errors

FILE = "appliance.lock"
_POLL_SECONDS = 0.1


@contextlib.contextmanager
def alone(home: Path, within_seconds: float = 0) -> Iterator[None]:
    """Have the home alone; a process that dies lets go of it. Raises NotPossibleNow when another one still has it after
    `within_seconds`."""
    file = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + within_seconds
        while not _locked(file):
            if time.monotonic() > deadline:
                raise errors.NotPossibleNow(
                    f"An appliance runs in {home}.",
                    do="Stop it first: 'systemctl stop secondsite-appliance'.",
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
