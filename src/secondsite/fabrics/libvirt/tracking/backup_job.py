"""The frozen view of a running machine: a pull-mode backup job with a new checkpoint.

QEMU keeps the old content of what the guest overwrites in scratch files, one for each disk. A full scratch
file system fails the guest's writes (P1), so the view tells how much it uses. A job ends when its owner
says so; if the owner died, the next view recognizes the job by its socket's folder and ends it."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....datapath.disks import blank, luks_blank
from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....ground import durable
from ... import interface
from ..host import connection, domain_xml, qemu_img, secrets

END_SECONDS = 30.0
AGAIN_SECONDS = 5.0
BETWEEN_SECONDS, LOOK_SECONDS = 5.0, 0.05
BETWEEN_JOBS = libvirt.VIR_ERR_INTERNAL_ERROR
"""libvirt's error code while a backup job is starting or ending and has no figures yet. Lasting problems have
other codes."""
MOST_CONNECTIONS = 100
"""The most connections that QEMU accepts in a backup job; libvirt asks for no other number. Each disk needs
one."""
CHANGED = "changed"
"""The name of the bitmap in the export; QEMU shows it as qemu:dirty-bitmap:changed."""


@dataclass(frozen=True, slots=True)
class ScratchEncryption:
    """How scratch files of encrypted disks are made; `blanks` is a folder on any file system of this host."""

    key: EncryptionKey
    blanks: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """A view to open. `disks` are all disks of the machine, with their sizes; `bases` has the usable base of
    each disk that has one. `encryption` is None if all disks are plain."""

    domain: Any
    request: interface.SessionRequest
    disks: Sequence[domain_xml.Disk]
    sizes_bytes: Mapping[str, int]
    bases: Mapping[str, str]
    socket: Path
    encryption: ScratchEncryption | None = None

    def scratch(self, key: str) -> Path:
        return self.request.scratch_dir / f"{self.request.fabric_id}-{key}.scratch"


def _job_kind(domain: Any) -> int:
    deadline = time.monotonic() + BETWEEN_SECONDS
    while True:
        try:
            return int(connection.call("looking for jobs", domain.jobInfo)[0])
        except errors.FabricError as error:
            if connection.code_of(error) != BETWEEN_JOBS:
                raise
            if time.monotonic() > deadline:
                raise errors.FabricError(
                    (
                        f"libvirt holds '{domain.name()}' for a job that it does not know any more, as after "
                        f"it was killed: {error.message}"
                    ),
                    do=(
                        "Shut the machine down and start it again (a reboot from inside is not enough): the "
                        "job ends with its QEMU."
                    ),
                ) from error
        time.sleep(LOOK_SECONDS)


def free_of_jobs(domain: Any, sockets: Path, disks: Sequence[domain_xml.Disk]) -> None:
    """Ends a job that a dead process of ours left; raises FabricError if a foreign job blocks the machine."""
    if _job_kind(domain) not in (libvirt.VIR_DOMAIN_JOB_NONE, libvirt.VIR_DOMAIN_JOB_COMPLETED):
        if not _is_ours(domain, sockets):
            raise errors.FabricError(
                f"Another job holds the machine '{domain.name()}'.",
                do="See what it is with 'virsh domjobinfo' and let it end; replication goes on by itself.",
            )
        end(domain, sockets)
    for key in _block_jobs(domain, disks):
        raise errors.FabricError(
            f"A block job runs on disk {key} of '{domain.name()}'.",
            do="See what it is with 'virsh blockjob' and let it end; replication goes on by itself.",
        )


def begin(plan: Plan) -> tuple[datetime, float]:
    """Starts the job. Returns the instant of the view, and how many seconds the call took; during it the
    guest's disks paused for a moment.

    The instant is the time before the call: every write that ended by then is in the view. The time after
    the call would promise writes that came during it (a busy host took long enough for a guest to write a
    record)."""
    clear(plan)
    _make_scratch(plan)
    flags = libvirt.VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL
    backup, checkpoint = _backup_xml(plan), _checkpoint_xml(plan)
    with plan.request.instant():
        taken_at, started = datetime.now(UTC), time.monotonic()
        connection.call("freezing a view", plan.domain.backupBegin, backup, checkpoint, flags)
        return taken_at, time.monotonic() - started


def _make_scratch(plan: Plan) -> None:
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


class JobEnd:
    """Ends one job, by whichever thread comes first. libvirt aborts whatever job the machine has, and a
    program of the owner's may be waiting for ours to end: when we aborted twice, the owner's save was lost.
    So the job is aborted once, and again only if it is still there."""

    def __init__(self, domain: Any, sockets: Path) -> None:
        self._domain = domain
        self._sockets = sockets
        self._lock = threading.Lock()
        self._aborted_at: float | None = None

    def end(self) -> None:
        """Ends our job and waits until it is gone. A foreign job that began since stays; a machine that
        went off has no job any more (P6)."""
        deadline = time.monotonic() + END_SECONDS
        with contextlib.suppress(errors.NotFound):
            while self._is_there():
                if time.monotonic() > deadline:
                    raise errors.DeadlineExceeded(
                        f"The backup job of '{self._domain.name()}' did not end within {END_SECONDS:.0f} s.",
                        do="End it with 'virsh domjobabort'; replication goes on by itself.",
                    )
                time.sleep(0.005)

    def _is_there(self) -> bool:
        """Whether the job goes on; aborts it the first time."""
        with self._lock:
            if not _is_ours(self._domain, self._sockets):
                return False
            now = time.monotonic()
            if self._aborted_at is None or now - self._aborted_at > AGAIN_SECONDS:
                self._aborted_at = now
                _abort(self._domain)
            return True


def end(domain: Any, sockets: Path) -> None:
    """Ends a job of ours that no view of this process has."""
    JobEnd(domain, sockets).end()


def note_scratch(notes: Path, request: interface.SessionRequest) -> None:
    """Note, in a folder of ours, the paths of a machine's scratch files: libvirt does not remove files that
    it did not make, and forgets their paths once the job has ended."""
    note, folder = notes / request.fabric_id, os.fsencode(request.scratch_dir.absolute())
    if not note.is_file() or note.read_bytes() != folder:
        notes.mkdir(parents=True, exist_ok=True)
        durable.replace(note, folder)


def remove_scratch(notes: Path, fabric_id: str) -> None:
    """Remove the scratch files of a machine of which no view is open."""
    with contextlib.suppress(FileNotFoundError):
        folder = os.fsdecode((notes / fabric_id).read_bytes())  # after a power cut it may be anything
        for path in Path(folder).glob(f"{fabric_id}-*.scratch"):
            path.unlink(missing_ok=True)


def forget_scratch(notes: Path, fabric_id: str) -> None:
    """Remove the scratch files and the note: there will be no next view."""
    remove_scratch(notes, fabric_id)
    (notes / fabric_id).unlink(missing_ok=True)


def end_left_over(domain: Any, sockets: Path) -> None:
    """As `end`, for a job that no process tracks any more; removes its scratch files too."""
    try:
        text = connection.call("looking at a backup job", domain.backupGetXMLDesc, 0)
    except (errors.FabricError, errors.NotFound):
        return
    root = domain_xml.parse(text)
    if _is_in(sockets, root):
        end(domain, sockets)
        for scratch in root.iterfind("disks/disk/scratch"):
            Path(scratch.get("file", "")).unlink(missing_ok=True)


def rescue(hypervisor: connection.Hypervisor, domain: Any, sockets: Path) -> tuple[str, ...]:
    """How a process without a driver ends the job; raises FabricError if it could not."""
    root = hypervisor.embedded_root
    if root is not None:
        for monitor in (root / "lib" / "qemu").glob(f"domain-{domain.ID()}-*/monitor.sock"):
            return ("monitor", str(monitor))
    return (connection.virsh(), hypervisor.uri, domain.UUIDString(), str(sockets))


def describe(plan: Plan) -> Sequence[interface.DiskChanges]:
    return [
        interface.DiskChanges(
            key=key,
            size_bytes=plan.sizes_bytes[key],
            socket=plan.socket,
            export=key,
            bitmaps=(CHANGED,) if key in plan.bases else (),
        )
        for key in plan.request.disks
    ]


def scratch_bytes(plan: Plan) -> int:
    """Bytes that the scratch files occupy now; raises FileNotFoundError if they are missing."""
    return sum(plan.scratch(key).stat().st_blocks * 512 for key in plan.request.disks)


def clear(plan: Plan) -> None:
    """Removes what the job may have left on disk."""
    for key in plan.request.disks:
        plan.scratch(key).unlink(missing_ok=True)
    plan.socket.unlink(missing_ok=True)


def _is_ours(domain: Any, sockets: Path) -> bool:
    try:
        text = connection.call("looking at a backup job", domain.backupGetXMLDesc, 0)
    except errors.FabricError:
        return False
    return _is_in(sockets, domain_xml.parse(text))


def _is_in(sockets: Path, backup: Element) -> bool:
    """Whether the job's socket is one of ours."""
    server = backup.find("server")
    return server is not None and Path(server.get("socket", "")).parent == sockets


def _block_jobs(domain: Any, disks: Sequence[domain_xml.Disk]) -> Iterator[str]:
    for disk in disks:
        if connection.call("looking for block jobs", domain.blockJobInfo, disk.key, 0):
            yield disk.key


def _abort(domain: Any) -> None:
    try:
        connection.call("ending a view", domain.abortJob)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_OPERATION_INVALID:
            raise


def _backup_xml(plan: Plan) -> str:
    root = Element("domainbackup", {"mode": "pull"})
    SubElement(root, "server", {"transport": "unix", "socket": str(plan.socket)})
    disks = SubElement(root, "disks")
    for key, encrypted in ((disk.key, disk.encrypted) for disk in plan.disks):
        if key not in plan.request.disks:
            SubElement(disks, "disk", {"name": key, "backup": "no"})
            continue
        disk = SubElement(disks, "disk", {"name": key, "backup": "yes", "type": "file", "exportname": key})
        if key in plan.bases:
            disk.attrib |= {
                "backupmode": "incremental",
                "incremental": plan.bases[key],
                "exportbitmap": CHANGED,
            }
        else:
            disk.attrib |= {"backupmode": "full"}
        scratch = SubElement(disk, "scratch", {"file": str(plan.scratch(key))})
        if encrypted and plan.encryption is not None:
            scratch.append(secrets.encryption(plan.encryption.key))
    return ElementTree.tostring(root, encoding="unicode")


def _checkpoint_xml(plan: Plan) -> str:
    root = Element("domaincheckpoint")
    SubElement(root, "name").text = plan.request.new_checkpoint
    disks = SubElement(root, "disks")
    for key in (disk.key for disk in plan.disks):
        kind = "bitmap" if key in plan.request.disks else "no"
        SubElement(disks, "disk", {"name": key, "checkpoint": kind})
    return ElementTree.tostring(root, encoding="unicode")
