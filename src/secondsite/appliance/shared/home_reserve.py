"""Keeps free space in an appliance's home for its next start.

The database makes two files when it is opened. On a full file system, for instance with a store in the home,
XFS had not even inodes for them, and the appliance did not start. So each process leaves a file in the home
when it ends, which the next one removes."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ...ground.units import KiB, MiB

FILE = "appliance.reserve"
SIZES = (4 * MiB, 1 * MiB, 256 * KiB, 64 * KiB)
"""The sizes that are tried, largest first. The database's files take 64 KiB at first."""


@contextlib.contextmanager
def given(home: Path) -> Iterator[None]:
    """Inside the context the reserved space is free."""
    with contextlib.suppress(OSError):
        (home / FILE).unlink()
    try:
        yield
    finally:
        keep(home)


def keep(home: Path) -> None:
    """Reserve the space again, also for a start after this process was killed; less, or nothing, if there is
    no more."""
    with contextlib.suppress(OSError), (home / FILE).open("wb") as file:
        for size_bytes in SIZES:
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, size_bytes)
                break
