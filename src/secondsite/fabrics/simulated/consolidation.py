"""Merges each of a machine's disks back into one file.

If the machine is off, qemu-img merges the overlays and the record is pointed at the file. If it runs, a
commit job does it. The job stops before its last act (auto-finalize off): guest and job pause with overlay
and file equal. Then the record is switched, and the job finishes, so after a crash the record always names
a whole disk. The next attempt finds the job by name and continues."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...datapath.disks import image
from ...datapath.errors import QmpRefused
from ...domain import errors
from ..interface import PowerState
from .host import disks
from .host.daemon import Session, translated
from .host.host import Host, merge_name
from .host.records import MachineRecord

DEADLINE_SECONDS = 6 * 3600.0
POLL_SECONDS = 0.02


def run(host: Host, fabric_id: str, originals: Mapping[str, Path], progress: Callable[[float], None]) -> None:
    """Merge each disk down into its original file; reports the share that is done. Raises FabricError."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    furthest = 0.0
    for number, (key, original) in enumerate(originals.items()):
        while True:
            with host.records.lock(fabric_id, "consolidate"):
                share = _advance(host, host.records.need(fabric_id), key, original)
            furthest = max(
                furthest, (number + share) / len(originals)
            )  # the guest writes on, and the end moves
            progress(furthest)
            if share == 1.0:
                break
            if time.monotonic() > deadline:
                raise errors.FabricError(
                    f"Disk {key} of {fabric_id} was not merged within {DEADLINE_SECONDS:.0f} s."
                )
            time.sleep(POLL_SECONDS)


def _advance(host: Host, record: MachineRecord, key: str, original: Path) -> float:
    """Take the next step; returns the share that is done, 1.0 at the end. The caller has the machine's
    lock."""
    if host.state(record) is PowerState.OFF:
        return _merge_resting(host, host.close(record), key, original)
    job_id = merge_name(record.fabric_id, key)
    with host.daemon(record).session(f"Consolidating disk {key} of '{record.definition.name}'") as session:
        job = next((one for one in session.run("query-jobs") if one["id"] == job_id), None)
        if job is None:
            return _begin(session, record, key, original, job_id)
        status = job["status"]
        if status == "ready":
            # Asked again until it is seen to have left that state; by then the job may refuse it.
            with contextlib.suppress(QmpRefused):
                session.run("job-complete", id=job_id)
        elif status == "pending":
            host.records.save(_switched(record, key, original))
            session.run("job-finalize", id=job_id)
        elif status == "concluded":
            session.run("job-dismiss", id=job_id)
            return _conclude(host, session, record, key, original, job)
    share: float = job["current-progress"] / max(1, job["total-progress"])
    return min(0.99, share)


def _begin(session: Session, record: MachineRecord, key: str, original: Path, job_id: str) -> float:
    current = _path(record, key)
    if current == original:
        return 1.0
    _must_stand_on(record, current, original)
    session.run(
        "block-commit",
        job_id=job_id,
        device=disks.node_name(record.fabric_id, current),
        base_node=disks.node_name(record.fabric_id, original),
        auto_finalize=False,
        auto_dismiss=False,
    )
    return 0.0


def _conclude(
    host: Host, session: Session, record: MachineRecord, key: str, original: Path, job: dict[str, Any]
) -> float:
    if "error" in job:
        raise errors.FabricError(
            f"Merging disk {key} of machine '{record.definition.name}' failed: {job['error']}",
            do=(
                "Check the file system that holds the machine's original disk for free space and errors, "
                "then repeat."
            ),
        )
    chain = record.nodes[key]
    place = chain.index(disks.node_name(record.fabric_id, original))
    for node in chain[:place]:
        session.drop_node(node)
    host.records.save(record.having(nodes={**record.nodes, key: chain[place:]}))
    return 1.0


def _merge_resting(host: Host, record: MachineRecord, key: str, original: Path) -> float:
    current = _path(record, key)
    if current != original:
        _must_stand_on(record, current, original)
        with translated(f"Merging disk {key} of '{record.definition.name}'"):
            image.commit(current, original)
        host.records.save(_switched(record, key, original))
    return 1.0


def _must_stand_on(record: MachineRecord, current: Path, original: Path) -> None:
    chain = disks.look(record.fabric_id, current).chain
    if original.absolute() not in [link.path for link in chain]:
        raise errors.FabricError(
            f"Disk file {current} of machine '{record.definition.name}' does not stand on {original}.",
            do="Check which files the machine runs on with 'qemu-img info --backing-chain'.",
        )


def _path(record: MachineRecord, key: str) -> Path:
    for disk in record.definition.disks:
        if disk.key == key:
            return Path(disk.path)
    raise errors.NotFound(f"Machine '{record.definition.name}' has no disk '{key}'.")


def _switched(record: MachineRecord, key: str, original: Path) -> MachineRecord:
    """The record with `original` as the disk; checkpoints of the overlay do not count any more."""
    listed = tuple(
        disk.model_copy(update={"path": str(original)}) if disk.key == key else disk
        for disk in record.definition.disks
    )
    checkpoints = {
        name: tuple(one for one in keys if one != key) for name, keys in record.checkpoints.items()
    }
    definition = record.definition.model_copy(update={"disks": listed})
    return record.having(definition=definition, checkpoints=checkpoints)
