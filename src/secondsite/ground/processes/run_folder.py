"""Folders for what only a run of this host needs: sockets, the number of a process, what it says. They are
not on the disk of what they are for: a full XFS has not even an inode for a socket, and after a reboot its
appliance did not start."""

import hashlib
import os
from pathlib import Path

NAME = "secondsite"


def of(place: Path) -> Path:
    """The folder that stands for `place`, the same one for each process of this user; it need not be
    there. Others cannot make it before us, for nothing here is everybody's to write. `place` itself on a
    host without such folders."""
    for base in (Path("/run"), Path(f"/run/user/{os.getuid()}")):
        if os.access(base, os.W_OK):
            return base / NAME / hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:16]
    return place
