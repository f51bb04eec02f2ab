"""Short private folders for unix sockets, whose paths have 107 bytes at most."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_FOLDER = 60


def folder(work_dir: Path, owner: tuple[int, int] | None) -> Path:
    """The folder for sockets of this work directory; always the same, so that left-over jobs are recognized.

    The system's libvirt runs QEMU as its own user, `owner`, who then owns the folder.
    """
    place = work_dir.absolute() / "sockets"
    if len(str(place)) > LONGEST_FOLDER:
        digest = hashlib.sha256(str(place).encode()).hexdigest()[:16]
        place = Path(tempfile.gettempdir()) / f"secondsite-{digest}"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if owner is not None and place.stat().st_uid != owner[0]:
        os.chown(place, *owner)
    return place
