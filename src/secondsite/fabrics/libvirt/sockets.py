"""Short private folders for unix sockets, whose paths hold 107 bytes at most."""

import hashlib
import pwd
import shutil
import tempfile
from pathlib import Path

LONGEST_FOLDER = 60
QEMU_USER = "libvirt-qemu"


def folder(work_dir: Path, embedded: bool) -> Path:
    """The folder of this work directory's sockets; always the same, so that left-over jobs are recognised.

    A QEMU of the system's libvirt runs as a user of its own, which gets the folder.
    """
    place = work_dir.absolute() / "sockets"
    if len(str(place)) > LONGEST_FOLDER:
        digest = hashlib.sha256(str(place).encode()).hexdigest()[:16]
        place = Path(tempfile.gettempdir()) / f"secondsite-{digest}"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not embedded:
        _hand_over(place)
    return place


def _hand_over(place: Path) -> None:
    try:
        pwd.getpwnam(QEMU_USER)
    except KeyError:
        return
    if place.owner() != QEMU_USER:
        shutil.chown(place, QEMU_USER)
