"""Scratch files: where QEMU keeps the old content of what the guest overwrites while a view is open, one
for each disk. They are made here, noted in a folder of ours, and removed with the view."""

import contextlib
import os
from pathlib import Path

from ....datapath.disks import blank, luks_blank
from ....ground import durable
from ... import interface
from ..host import qemu_img
from .view_plan import ViewPlan


def make(plan: ViewPlan) -> None:
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


def note(notes: Path, request: interface.SessionRequest) -> None:
    """Note, in a folder of ours, the paths of a machine's scratch files: libvirt does not remove files that
    it did not make, and forgets their paths once the job has ended."""
    note, folder = notes / request.fabric_id, os.fsencode(request.scratch_dir.absolute())
    if not note.is_file() or note.read_bytes() != folder:
        notes.mkdir(parents=True, exist_ok=True)
        durable.replace(note, folder)


def remove(notes: Path, fabric_id: str) -> None:
    """Remove the scratch files of a machine of which no view is open."""
    with contextlib.suppress(FileNotFoundError):
        folder = os.fsdecode((notes / fabric_id).read_bytes())  # after a power cut it may be anything
        for path in Path(folder).glob(f"{fabric_id}-*.scratch"):
            path.unlink(missing_ok=True)


def forget(notes: Path, fabric_id: str) -> None:
    """Remove the scratch files and the note: there will be no next view."""
    remove(notes, fabric_id)
    (notes / fabric_id).unlink(missing_ok=True)


def used_bytes(plan: ViewPlan) -> int:
    """Bytes that the scratch files occupy now; raises FileNotFoundError if they are missing."""
    return sum(plan.scratch(key).stat().st_blocks * 512 for key in plan.request.disks)


def clear(plan: ViewPlan) -> None:
    """Removes what the job may have left on disk."""
    for key in plan.request.disks:
        plan.scratch(key).unlink(missing_ok=True)
    plan.socket.unlink(missing_ok=True)
