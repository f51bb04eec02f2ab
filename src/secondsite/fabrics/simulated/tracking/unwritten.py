"""Whether anything was written since a checkpoint, from the bits of the checkpoint's bitmaps.

The bitmaps of a machine that is off are read in its files. Of a running one, QMP gives the number of set bits only together with all other nodes of the daemon, 25 us of processor time for each
machine of the host. So the digest of one bitmap is asked for and compared with that of as many zeros. If a QEMU
computed it differently, no digest would ever be equal, and machines would get views."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ....datapath.disks import QmpRefused
from ....datapath.granularity import BLOCK_BYTES
from ....wire.common.machines import DiskDefinition
from ...interface import PowerState, Unwritten
from ..host import disks as disk_files
from ..host.daemon import Session
from ..host.host import Host
from ..host.records import MachineRecord
from . import resting_view


def since(host: Host, record: MachineRecord, disks: Sequence[str], base: str) -> Unwritten | None:
    """As `Tracking.unwritten`; the caller has the machine's lock."""
    asked = [disk for disk in record.definition.disks if disk.key in disks]
    if len(asked) != len(disks) or not _is_only(record, asked, base):
        return None
    if host.state(record) is PowerState.OFF:
        return resting_view.unwritten(host, record, asked, base)
    with host.daemon(record).session(f"Looking for writes of '{record.definition.name}'") as session:
        taken_at = datetime.now(UTC)
        if any(_is_marked(session, record.fabric_id, disk, base) for disk in asked):
            return None
    return Unwritten(taken_at, {disk.key: disk.size_bytes for disk in asked})


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
