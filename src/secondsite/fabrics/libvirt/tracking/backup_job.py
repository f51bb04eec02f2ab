"""The frozen view of a running machine: a pull-mode backup job with a new checkpoint.

QEMU keeps the old content of what the guest overwrites in scratch files, one for each disk. A full scratch
file system fails the guest's writes (P1), so the view tells how much it uses. A job ends when its owner
says so; if the owner died, the next view recognizes the job by its socket's folder and ends it."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....domain import errors
from ..host import connection, domain_xml, secrets
from . import view_plan
from .view_plan import ViewPlan

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


def begin(plan: ViewPlan) -> tuple[datetime, float]:
    """Starts the job. Returns the instant of the view, and how many seconds the call took; during it the
    guest's disks paused for a moment.

    The instant is the time before the call: every write that ended by then is in the view. The time after
    the call would promise writes that came during it (a busy host took long enough for a guest to write a
    record)."""
    view_plan.clear(plan)
    view_plan.make_scratch(plan)
    flags = libvirt.VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL
    backup, checkpoint = _backup_xml(plan), None if plan.request.trial else _checkpoint_xml(plan)
    with plan.request.instant():
        taken_at, started = datetime.now(UTC), time.monotonic()
        connection.call("freezing a view", plan.domain.backupBegin, backup, checkpoint, flags)
        return taken_at, time.monotonic() - started


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


def _backup_xml(plan: ViewPlan) -> str:
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


def _checkpoint_xml(plan: ViewPlan) -> str:
    root = Element("domaincheckpoint")
    SubElement(root, "name").text = plan.request.new_checkpoint
    disks = SubElement(root, "disks")
    for key in (disk.key for disk in plan.disks):
        kind = "bitmap" if key in plan.request.disks else "no"
        SubElement(disks, "disk", {"name": key, "checkpoint": kind})
    return ElementTree.tostring(root, encoding="unicode")
