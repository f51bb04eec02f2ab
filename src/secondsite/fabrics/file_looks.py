"""Records the state of a disk's files, so that a file that its owner changed or replaced is noticed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..ground import real_files

Looks = list[list[str | int | None]]
"""The state of a disk's files, top first: for each its name, its number, its size and its times; for a block
device its name, its number, and what the kernel counts."""
FILE_PARTS, DEVICE_PARTS = 6, 4


def seen(paths: Iterable[Path | str]) -> Looks:
    """The present state of a disk's files, top first. It contains the time of the last change of any kind
    (ctime), which no copy and no backup restores; starting another machine on a file below changes it too."""
    return [[str(path), *_look(path)] for path in paths]


def again(top: Path, known: Looks) -> Looks:
    """As `seen`, for a disk whose state is known: as long as its top file is unchanged, that still names the
    same files below."""
    return seen([top.absolute(), *(str(each[0]) for each in known[1:])])


def are_of_files(looks: Looks) -> bool:
    """Whether all are existing files, which show each write, however long ago."""
    return all(len(each) == FILE_PARTS for each in looks)


def show_writes(looks: Looks) -> bool:
    """Whether all are existing files, or devices whose writes are counted."""
    return bool(looks) and all(len(each) in (FILE_PARTS, DEVICE_PARTS) for each in looks)


def _look(path: Path | str) -> list[int | None]:
    """The state of one file. The times of a device say nothing about its content."""
    number = real_files.file_number(path)
    try:
        found = os.stat(path)
    except OSError:
        return []
    if stat.S_ISBLK(found.st_mode):
        use = real_files.device_use(path)
        return [found.st_rdev, *(() if use is None else (use.incarnation, use.written))]
    if number is None or not stat.S_ISREG(found.st_mode):
        return [found.st_rdev]
    return [*number, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
