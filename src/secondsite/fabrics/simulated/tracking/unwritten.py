"""Finds out whether anything was written since a checkpoint, from the bits of the checkpoint's bitmaps.

The bitmaps of a machine that is off are read in its files. Of a running one, QMP gives the number of set
bits only together with all other nodes of the daemon, 25 us of processor time for each machine of the
host. So the digest of one bitmap is asked for and compared with that of as many zeros. If a QEMU computed
it differently, no digest would ever be equal, and machines would get views."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ....datapath.disks import QmpRefused
from ....datapath.extents import BLOCK_BYTES
from ....wire.common.machines import DiskDefinition
from ...interface import AcknowledgedDisks, PowerState, Unwritten
from ..host import disks as disk_files
from ..host.daemon import Session
from ..host.host import Host
from ..host.records import MachineRecord
from . import resting_view


def since(host: Host, record: MachineRecord, disks: Sequence[str], base: str) -> Unwritten | None:
    """As `Tracking.unwritten`; the caller has the machine's lock."""
    if host.state(record) is PowerState.OFF and (settled := record.settled()) != record:
        record = host.records.save(settled)
    asked = [disk for disk in record.definition.disks if disk.key in disks]
    if len(asked) != len(disks) or not _is_only(record, asked, base):
        return None
    if host.state(record) is PowerState.OFF:
        return resting_view.unwritten(host, record, asked, base)
    with host.daemon(record).session(f"Looking for writes of '{record.definition.name}'") as session:
        return _in(session, record, AcknowledgedDisks(record.fabric_id, tuple(disks), base))


def of_all(host: Host, asked: Sequence[AcknowledgedDisks]) -> dict[str, Unwritten]:
    """As `Tracking.all_unwritten`; the caller has the machines' locks."""
    by_daemon: dict[str, list[tuple[MachineRecord, AcknowledgedDisks]]] = {}
    for each in asked:
        record = host.records.get(each.fabric_id)
        if record is not None and record.runs_in is not None and host.state(record) is PowerState.RUNNING:
            by_daemon.setdefault(record.runs_in, []).append((record, each))
    found: dict[str, Unwritten] = {}
    for machines in by_daemon.values():
        with host.daemon(machines[0][0]).session("Looking for writes of many machines") as session:
            for record, each in machines:
                if (unwritten := _in(session, record, each)) is not None:
                    found[each.fabric_id] = unwritten
    return found


def _in(session: Session, record: MachineRecord, asked: AcknowledgedDisks) -> Unwritten | None:
    disks = [disk for disk in record.definition.disks if disk.key in asked.disks]
    if len(disks) != len(asked.disks) or not _is_only(record, disks, asked.base):
        return None
    taken_at = datetime.now(UTC)
    if any(_is_marked(session, record.fabric_id, disk, asked.base) for disk in disks):
        return None
    attached = tuple(disk.key for disk in record.definition.disks)
    return Unwritten(taken_at, {disk.key: disk.size_bytes for disk in disks}, attached)


def _is_only(record: MachineRecord, asked: Sequence[DiskDefinition], base: str) -> bool:
    """Whether `base` is the machine's only checkpoint and belongs to the very files that it has."""
    return (
        record.view is None
        and list(record.checkpoints) == [base]
        and {disk.key for disk in asked} <= set(record.checkpoints[base])
        and all(record.counted(base, disk.key, Path(disk.path)) for disk in asked)
    )


def _is_marked(session: Session, fabric_id: str, disk: DiskDefinition, base: str) -> bool:
    node = disk_files.node_name(fabric_id, Path(disk.path))
    try:
        told = session.run("x-debug-block-dirty-bitmap-sha256", node=node, name=base)
    except QmpRefused:  # the bitmap died with its daemon, or this QEMU does not know the command
        return True
    return bool(told["sha256"] != _digest_of_none(disk.size_bytes))


@functools.lru_cache(maxsize=64)
def _digest_of_none(size_bytes: int) -> str:
    """SHA-256 of a bitmap without a mark: one bit for each block, in words of 64."""
    blocks = -(-size_bytes // BLOCK_BYTES)
    return hashlib.sha256(bytes(8 * -(-blocks // 64))).hexdigest()
