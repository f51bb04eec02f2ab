"""What a view of a running machine is to be made of, whichever way it is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....datapath.encryption import EncryptionKey
from ... import interface
from ..host import domain_xml


@dataclass(frozen=True, slots=True)
class ScratchEncryption:
    """How scratch files of encrypted disks are made; `blanks` is a folder on any file system of this host."""

    key: EncryptionKey
    blanks: Path


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """A view to open. `disks` are all disks of the machine, with their sizes; `bases` has the usable base of
    each disk that has one. `encryption` is None if all disks are plain; `drives` is what QEMU says of each
    disk's drive."""

    domain: Any
    request: interface.SessionRequest
    disks: Sequence[domain_xml.Disk]
    sizes_bytes: Mapping[str, int]
    bases: Mapping[str, str]
    socket: Path
    encryption: ScratchEncryption | None = None
    drives: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def is_backed(self, key: str) -> bool:
        """Whether the disk stands on another file."""
        return any(disk.backed for disk in self.disks if disk.key == key)

    def scratch(self, key: str) -> Path:
        return self.request.scratch_dir / f"{self.request.fabric_id}-{key}.scratch"


def describe(plan: ViewPlan, changed: str) -> Sequence[interface.DiskChanges]:
    """The disks of an open view; `changed` is the bitmap in each export of what changed since the base."""
    return [
        interface.DiskChanges(
            key=key,
            size_bytes=plan.sizes_bytes[key],
            socket=plan.socket,
            export=key,
            bitmaps=(changed,) if key in plan.bases else (),
        )
        for key in plan.request.disks
    ]
