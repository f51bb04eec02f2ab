"""Places in a site's own storage to which disks go that leave the appliance's store."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from .base import Shape
from .numbers import LONGEST_TEXT


class DiskFormat(StrEnum):
    """The format of a disk in the site's own storage."""

    QCOW2 = "qcow2"
    """What changed is known after a restart, too."""
    RAW = "raw"
    """After each start of the machine all of it is compared with the replica."""


DiskCache = Literal["none", "writethrough", "writeback", "directsync"]
"""How QEMU caches a disk. With `unsafe`, a crash of the host would lose what a guest took for written."""


class DiskPlace(Shape):
    """Where a disk is to lie."""

    place: str = Field(min_length=1, max_length=LONGEST_TEXT)
    """The name of a storage pool of the site's hypervisor, or the absolute path of a folder, or of a block
    device or iscsi://HOST:PORT/TARGET/UNIT, whose content is lost."""
    format: DiskFormat = DiskFormat.QCOW2
    """The format of the disk there; raw on devices and in RBD."""
    cache: DiskCache | None = None
    """How QEMU caches the disk from the machine's next start on; null: as before."""
