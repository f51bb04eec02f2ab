"""Records the state of a disk's files, so that a file that its owner changed or replaced is noticed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..ground import real_files

Looks = list[list[str | int | None]]
"""The state of a disk's files, top first: for each its name, its number, its size and its times."""
FILE_PARTS = 6


def seen(paths: Iterable[Path | str]) -> Looks:
    """The present state of a disk's files, top first. It contains the time of the last change of any kind
    (ctime), which no copy and no backup restores; starting another machine on a file below changes it too."""
    return [[str(path), *_look(path)] for path in paths]


def again(top: Path, known: Looks) -> Looks:
    """As `seen`, for a disk whose state is known: as long as its top file is unchanged, that still names the
    same files below."""
    return seen([top.absolute(), *(str(each[0]) for each in known[1:])])


def are_of_files(looks: Looks) -> bool:
    """Whether all are existing files: nothing shows whether a device, or a missing file, was written."""
    return all(len(each) == FILE_PARTS for each in looks)


def _look(path: Path | str) -> list[int | None]:
    """The state of one file. A device has only its identity: its times say nothing about its content."""
    number = real_files.file_number(path)
    try:
        found = os.stat(path)
    except OSError:
        return []
    if number is None or not stat.S_ISREG(found.st_mode):
        return [found.st_rdev]
    return [*number, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
