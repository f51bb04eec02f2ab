"""Room in an appliance's home for its next start.

The database makes two files when it is opened. Where the file system is full, as by a store in the home,
an XFS has not even their inodes, and the appliance did not start. So whoever ends his work in the home
leaves a file, which the next one removes."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ...ground.units import KiB, MiB

FILE = "appliance.reserve"
SIZES = (4 * MiB, 1 * MiB, 256 * KiB, 64 * KiB)
"""As much as is there. The database's files take 64 KiB at first."""


@contextlib.contextmanager
def given(home: Path) -> Iterator[None]:
    """Inside the context its room is free."""
    with contextlib.suppress(OSError):
        (home / FILE).unlink()
    try:
        yield
    finally:
        keep(home)


def keep(home: Path) -> None:
    """Keep room again, also for a start after this process was killed; less, or none, where there is no
    more."""
    with contextlib.suppress(OSError), (home / FILE).open("wb") as file:
        for size_bytes in SIZES:
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, size_bytes)
                break
