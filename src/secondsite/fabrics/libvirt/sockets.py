"""Short private folders for unix sockets, whose paths hold 107 bytes at most."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_FOLDER = 60


def folder(work_dir: Path, owner: tuple[int, int] | None) -> Path:
    """The folder of this work directory's sockets; always the same, so that left-over jobs are recognised.

    A QEMU of the system's libvirt runs as a user of its own, `owner`, which gets the folder.
    """
    place = work_dir.absolute() / "sockets"
    if len(str(place)) > LONGEST_FOLDER:
        digest = hashlib.sha256(str(place).encode()).hexdigest()[:16]
        place = Path(tempfile.gettempdir()) / f"secondsite-{digest}"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if owner is not None and place.stat().st_uid != owner[0]:
        os.chown(place, *owner)
    return place
