"""What the files of a disk look like, so that one that its owner changed or replaced is noticed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..ground import real_files

Looks = list[list[str | int | None]]
"""Of each file, top first: its name, its number, its size and times."""
FILE_PARTS = 6


def seen(paths: Iterable[Path | str]) -> Looks:
    """Of the files of a disk, top first. With the time of the last change of any kind, which no copy and
    no backup puts back; the start of another machine on a file below sets it, too."""
    return [[str(path), *_look(path)] for path in paths]


def again(top: Path, known: Looks) -> Looks:
    """As `seen`, of the same disk: as long as its top is the same, that names the same files below."""
    return seen([top.absolute(), *(str(each[0]) for each in known[1:])])


def are_of_files(looks: Looks) -> bool:
    """Whether all are files that are there: of a device, or of what is gone, nothing tells that it was
    written."""
    return all(len(each) == FILE_PARTS for each in looks)


def _look(path: Path | str) -> list[int | None]:
    """A device is only the one that it is: its times say nothing of what it holds."""
    number = real_files.file_number(path)
    try:
        found = os.stat(path)
    except OSError:
        return []
    if number is None or not stat.S_ISREG(found.st_mode):
        return [found.st_rdev]
    return [*number, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
