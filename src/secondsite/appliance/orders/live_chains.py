"""Adds a finding when the disks of a machine here stand on almost as many files as its host's libvirt can
start.

libvirt 10.8 to 11.10 lets a running machine be snapshotted past what it starts; its next restart then ends
the machine's QEMU (ADR 143)."""

from pathlib import Path
from typing import Final

from ...datapath.disks import same_files
from ...fabrics.interface import Fabric, MachineSummary
from ..shared import CHAIN_LONG
from ..source import Replication
from ..target import ReplicaHost

MOST_FILES: Final = 20
"""The most files below a disk that need no finding. A machine with 22 starts anywhere."""


def look(fabric: Fabric, replication: Replication, host: ReplicaHost) -> None:
    """Check all machines here that carry a tag of ours."""
    found: dict[str, list[str]] = {}
    for machine in fabric.inventory.list():
        if machine.tag is not None:
            found.setdefault(machine.tag, []).extend(_long(machine))
    findings = {source.machine_id: source.findings for source in replication.sources()}
    findings |= {hosted.machine_id: hosted.findings for hosted in host.all()}
    for machine_id, told in findings.items():
        if what := found.get(machine_id):
            told.add(CHAIN_LONG, " ".join(what))
        else:
            told.clear(CHAIN_LONG)


def _long(machine: MachineSummary) -> list[str]:
    disks = [disk for disk in machine.definition.disks if disk.path]
    files = {disk.key: same_files.count(Path(disk.path), disk.format) for disk in disks}
    return [
        f"Disk {key} of {machine.name} stands on {count} files."
        for key, count in files.items()
        if count > MOST_FILES
    ]
