"""Short private folders for unix sockets, whose paths have 107 bytes at most."""

import os
from pathlib import Path

from ....ground.processes import short_folder

LONGEST_FOLDER = 60


def folder(work_dir: Path, owner: tuple[int, int] | None) -> Path:
    """The folder for sockets of this work directory; always the same, so that left-over jobs are recognized.

    The system's libvirt runs QEMU as its own user, `owner`, who then owns the folder.
    """
    place = short_folder.made(
        work_dir.absolute() / "sockets", LONGEST_FOLDER, owner[0] if owner is not None else None
    )
    if owner is not None and place.stat().st_uid != owner[0]:
        os.chown(place, *owner, follow_symlinks=False)
    return place
