"""Makes an appliance's folders private, so that nobody else on the host reads guests' data.

libvirt gives QEMU the files that it opens, and the fabric lets QEMU's group pass through the folders
above; so a file that others may read is read by every machine's QEMU."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

PASSING = 0o710
"""The mode that our folders may have: all rights for the owner, and QEMU's group may pass through."""

WAY = 0o711
"""The mode of a folder that is made above ours: anybody may pass through who knows a path below it."""


def make(folders: Iterable[Path], contents: Iterable[Path] = ()) -> None:
    """Make these folders private, and close what an earlier release left open to others in the folders
    `contents`. Raises OSError."""
    for folder in folders:
        make_way(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        _narrow(folder, PASSING)
    for folder in contents:
        for each in folder.iterdir() if folder.is_dir() else ():
            if _is_open(each):
                _close(each)


def make_way(folder: Path) -> None:
    """Make the folders above it that are missing, for everybody to pass through: QEMU must pass there, and
    the appliance's umask would shut it out."""
    for above in reversed([each for each in folder.absolute().parents if not each.exists()]):
        above.mkdir(exist_ok=True)
        above.chmod(WAY)


def _is_open(each: Path) -> bool:
    found = each.lstat()
    return not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & ~PASSING & 0o077)


def _close(each: Path) -> None:
    """Take the rights of others from everything in this folder; the folder itself comes last, so that after a
    crash the next start does it again."""
    for place, _, names in os.walk(each):
        for name in names:
            _narrow(Path(place) / name, 0o600)
    _narrow(each, PASSING)


def _narrow(path: Path, most: int) -> None:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    # Nothing is changed where nothing needs to be: a read-only store must not keep the appliance from
    # starting.
    if mode & ~most and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        path.chmod(mode & most)
