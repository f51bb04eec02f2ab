"""Ends backup jobs of an embedded root that libvirt began and lost.

libvirt notes that a backup job holds a machine before it notes which one. A driver that is killed between
the two leaves a job that the next driver can neither show nor end: no view, no save and no migration of
the machine until its QEMU ends, which is to say until production stops. QEMU may have begun all of the job
by then. So QEMU is told to end it, and the note goes, before a driver opens the root.

A driver that is killed as it clears up after a view leaves scratch nodes without a job. So it was after 9 of
24 kills: QEMU held the space of a deleted scratch file until its machine went off."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import structlog

from ....datapath.disks import QmpClient, QmpRefused
from ....datapath.errors import DatapathError, StorageDaemonGone
from ....ground import durable

ANSWER_SECONDS = 5.0
END_SECONDS = 10.0
LOOK_SECONDS = 0.02
_JOB = re.compile(r"(<job type='\w+') async='backup'[^>]*/>")
_SCRATCH = re.compile(r'\.scratch("|$)')
"""Matches the name of a scratch node, or the description of a file with such a node below it."""

log = structlog.get_logger(__name__)


def end(status: Path) -> None:
    """End the job that the status file of a running machine names, if it is lost, and delete scratch nodes
    that no job uses. If QEMU does not answer, they stay until the next opening."""
    told = ElementTree.parse(status).getroot()
    job, monitor = told.find("job"), told.find("monitor")
    known = told.find("backups/domainbackup") is not None
    if monitor is None or known:
        return
    is_lost = job is not None and job.get("async") == "backup"
    try:
        _clear(Path(monitor.get("path", "")), is_lost)
    except DatapathError as error:
        log.warning("backup-job.lost", machine=told.findtext("domain/uuid"), problem=error.message)
        return
    if is_lost:
        durable.replace(status, _JOB.sub(r"\1 async='none'/>", status.read_text(), count=1))
        log.info("backup-job.ended", machine=told.findtext("domain/uuid"))


def _clear(monitor: Path, is_lost: bool) -> None:
    with contextlib.closing(QmpClient(monitor, ANSWER_SECONDS)) as qemu:
        if is_lost:
            _end_jobs(qemu)
            _ask(qemu, "nbd-server-stop")
        for node in _scratch_nodes(qemu):
            _ask(qemu, "blockdev-del", {"node-name": node})


def _end_jobs(qemu: QmpClient) -> None:
    """End all backup jobs of a QEMU: an embedded root has none but ours. Raises StorageDaemonGone if one does
    not end."""
    deadline = time.monotonic() + END_SECONDS
    while jobs := list(_backups(qemu)):
        if time.monotonic() > deadline:
            raise StorageDaemonGone(f"QEMU did not end {jobs[0]['device']} within {END_SECONDS:.0f} s.")
        for job in jobs:
            if job["status"] == "concluded":
                _ask(qemu, "job-dismiss", {"id": job["device"]})
            else:
                _ask(qemu, "block-job-cancel", {"device": job["device"], "force": True})
        time.sleep(LOOK_SECONDS)


def _backups(qemu: QmpClient) -> Iterator[Any]:
    return (job for job in qemu.command("query-block-jobs") if job["type"] == "backup")


def _scratch_nodes(qemu: QmpClient) -> list[str]:
    """Our scratch nodes in QEMU, each before those that it stands on."""
    nodes = qemu.command("query-named-block-nodes", {"flat": True})
    ours = [node["node-name"] for node in nodes if _SCRATCH.search(str(node.get("file")))]
    return sorted(ours, key=lambda name: not name.endswith("-format"))


def _ask(qemu: QmpClient, command: str, arguments: dict[str, Any] | None = None) -> None:
    """Run a QMP command; a thing that is not there (any more, or yet) is no error."""
    with contextlib.suppress(QmpRefused):
        qemu.command(command, arguments)
