"""A private folder whose path is short enough for unix sockets, whose paths have at most 107 bytes.

A place with a long path gets a folder of an unpredictable name among the temporary files, and a link to it.
Everybody may write there: a folder whose name others can foresee may be theirs, and so may the sockets in it.
That is also true of a folder that was ours and was removed by a cleaner; therefore its owner and mode are
checked each time."""

import os
import stat
import tempfile
from pathlib import Path


def made(place: Path, longest: int, owner: int | None = None) -> Path:
    """`place`, or if its path is longer than `longest` characters, the private folder that stands for it:
    the same one each time, as long as it is ours or `owner`'s, to whom it may have been given. Raises
    OSError."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if len(str(place)) <= longest:
        return place
    link = _link(place)
    found = last(place, longest)
    if found is not None and _is_private(found, {os.getuid(), owner}):
        return found
    link.unlink(missing_ok=True)
    folder = tempfile.mkdtemp(prefix="secondsite-")
    link.symlink_to(folder)
    return Path(folder)


def last(place: Path, longest: int) -> Path | None:
    """The folder that `made` returned last, whoever owns it now; None if none was made."""
    if len(str(place)) <= longest:
        return place
    link = _link(place)
    return link.readlink() if link.is_symlink() else None


def _link(place: Path) -> Path:
    return place / "short"


def _is_private(folder: Path, owners: set[int | None]) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid in owners and not found.st_mode & 0o077
