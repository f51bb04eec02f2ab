"""Folders for files that are needed only until the next reboot: sockets, process ids, output. They are not on
the file system that they serve: a full XFS had not even an inode for a socket, and after a reboot its
appliance did not start."""

import hashlib
import os
from pathlib import Path

NAME = "secondsite"


def of(place: Path) -> Path:
    """The folder that stands for `place`, the same one for each process of this user; it may not exist yet.
    Others cannot make it first, because only this user can write there. On a host without such folders,
    `place` itself."""
    for base in (Path("/run"), Path(f"/run/user/{os.getuid()}")):
        if os.access(base, os.W_OK):
            return base / NAME / hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:16]
    return place
