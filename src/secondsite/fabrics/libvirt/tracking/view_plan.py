"""What a view of a running machine is to be made of, whichever way it is opened; and its scratch files,
where QEMU keeps the old content of what the guest overwrites meanwhile, one for each disk. They are made
here, noted in a folder of ours, and removed with the view."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....datapath.disks import blank, luks_blank
from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....ground import durable, usage
from ....ground.units import MiB
from ... import interface
from ..host import domain_xml, qemu_img

FULL_BYTES = 1 * MiB
"""Scratch space with less than this free is full."""


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


def make_scratch(plan: ViewPlan) -> None:
    """Make the scratch files here. libvirt would let the machine's own QEMU do it, in several jobs, which
    writes LUKS headers while the guest is stopped (49 s on a busy host). QEMU refuses a scratch file that is
    not as large as its disk."""
    with qemu_img.translated():
        for disk in plan.disks:
            if disk.key not in plan.request.disks:
                continue
            path, size_bytes = plan.scratch(disk.key), plan.sizes_bytes[disk.key]
            if disk.encrypted and plan.encryption is not None:
                plan.encryption.blanks.mkdir(parents=True, exist_ok=True)
                luks_blank.create(path, size_bytes, plan.encryption.key, plan.encryption.blanks)
            else:
                blank.create(path, size_bytes)


@contextlib.contextmanager
def full_scratch_named(folder: Path) -> Iterator[None]:
    """A context in which what fails because scratch space is full raises ScratchExhausted. libvirt's messages
    do not tell: they are in its language, and may be about anything that it does at a file."""
    try:
        yield
    except (errors.FabricError, errors.StoreFull) as error:
        free = usage.free_bytes(folder)
        if free >= FULL_BYTES:
            raise
        raise errors.ScratchExhausted(
            f"Scratch space is full: {folder} has {free} bytes left. {error.message}",
            do="Free space on its file system; replication goes on by itself.",
        ) from error


def note_scratch(notes: Path, request: interface.SessionRequest) -> None:
    """Note, in a folder of ours, the paths of a machine's scratch files: libvirt does not remove files that
    it did not make, and forgets their paths once the job has ended."""
    note, folder = notes / request.fabric_id, os.fsencode(request.scratch_dir.absolute())
    if not note.is_file() or note.read_bytes() != folder:
        notes.mkdir(parents=True, exist_ok=True)
        durable.replace(note, folder)


def noted_scratch(notes: Path, fabric_id: str) -> Path | None:
    """The folder of a machine's scratch files, as it is noted; None if it is not."""
    try:
        return Path(os.fsdecode((notes / fabric_id).read_bytes()))  # after a power cut it may be anything
    except FileNotFoundError:
        return None


def remove_scratch(notes: Path, fabric_id: str) -> None:
    """Remove the scratch files of a machine of which no view is open."""
    folder = noted_scratch(notes, fabric_id)
    for path in folder.glob(f"{fabric_id}-*.scratch") if folder else ():
        path.unlink(missing_ok=True)


def forget_scratch(notes: Path, fabric_id: str) -> None:
    """Remove the scratch files and the note: there will be no next view."""
    remove_scratch(notes, fabric_id)
    (notes / fabric_id).unlink(missing_ok=True)


def scratch_bytes(plan: ViewPlan) -> int:
    """Bytes that the scratch files occupy now; raises FileNotFoundError if they are missing."""
    return sum(plan.scratch(key).stat().st_blocks * 512 for key in plan.request.disks)


def clear(plan: ViewPlan) -> None:
    """Removes what the job may have left on disk."""
    for key in plan.request.disks:
        plan.scratch(key).unlink(missing_ok=True)
    plan.socket.unlink(missing_ok=True)
