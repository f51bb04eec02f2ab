"""A view of a machine that is off: its disks in place, with the bitmaps stored in them, read-only.

A fresh checkpoint begins in the disks first: the base of the next view, by which this one learns whether
anybody wrote meanwhile. A separate daemon exports the disks; a start of the machine ends that daemon
first."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....datapath.disks import image
from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....wire.common.machines import DiskDefinition
from ...interface import ChangeSession, DiskChanges, SessionRequest, Unwritten
from ..host import disks
from ..host.daemon import Daemon, Session
from ..host.host import Host, view_export
from ..host.records import MachineRecord

PROBE = "probe"


def begin(host: Host, record: MachineRecord, request: SessionRequest) -> ChangeSession:
    """Export the disks; the caller has the machine's lock and its view lock, and ends the daemon."""
    record = host.close(record)
    daemon = host.reader(record.fabric_id)
    daemon.kill()
    wanted = [disk for disk in record.definition.disks if disk.key in request.disks]
    found = {disk.key: disks.look(record.fabric_id, Path(disk.path)) for disk in wanted}
    if not request.trial:
        record = _with_checkpoint(host, record, wanted, request)
    daemon.ensure()
    taken_at = datetime.now(UTC)
    with daemon.session(f"Reading machine '{record.definition.name}', which is off") as session:
        for key, files in found.items():
            disks.open_chain(session, files, writable=False, key=host.key)
            bitmaps = _bitmaps(record, key, files, request.base)
            session.add_export(view_export(record.fabric_id, key), files.chain[0].node, bitmaps=bitmaps)
    return ChangeSession(
        taken_at=taken_at,
        checkpoint=None if request.trial else request.new_checkpoint,
        disks=tuple(_changes(daemon, record, key, files, request.base) for key, files in found.items()),
        at_rest=True,
        holds=(
            (lambda: True)
            if request.trial
            else functools.partial(_holds, daemon, tuple(found.values()), request.new_checkpoint, host.key)
        ),
    )


def _with_checkpoint(
    host: Host, record: MachineRecord, wanted: Sequence[DiskDefinition], request: SessionRequest
) -> MachineRecord:
    """The record with the new checkpoint, which begins in the disks."""
    record = host.records.save(record.settled().having(left={}))
    for disk in wanted:
        disks.add_bitmap(Path(disk.path), request.new_checkpoint, host.key)
    record = record.imaged(request.new_checkpoint, request.disks, request.base)
    return host.records.save(record.leaving())


def unwritten(
    host: Host, record: MachineRecord, asked: Sequence[DiskDefinition], base: str
) -> Unwritten | None:
    """As `Tracking.unwritten`, for a machine that is off; the caller has the machine's lock."""
    found = tuple(disks.look(record.fabric_id, Path(disk.path)) for disk in asked)
    daemon = host.reader(record.fabric_id)
    daemon.ensure()
    try:
        taken_at = datetime.now(UTC)
        if not _holds(daemon, found, base, host.key):
            return None
    finally:
        daemon.remove()
    sizes = {disk.key: files.size_bytes for disk, files in zip(asked, found, strict=True)}
    return Unwritten(taken_at, sizes)


def _holds(
    daemon: Daemon, found: tuple[disks.DiskFiles, ...], checkpoint: str, key: EncryptionKey | None
) -> bool:
    """Whether the disks are as they were when the checkpoint began. A start of the machine ends the
    daemon."""
    try:
        with daemon.session("Looking for writes") as session:
            return all(_marked_bytes(session, files, checkpoint, key) == 0 for files in found)
    except errors.FabricError:
        return False


def _marked_bytes(
    session: Session, files: disks.DiskFiles, checkpoint: str, key: EncryptionKey | None
) -> int | None:
    top = files.chain[0]
    options: dict[str, Any] = {"driver": "qcow2", "node-name": PROBE, "read-only": True, "force-share": True}
    if top.encrypted and key is not None:
        options["encrypt"] = session.encryption(key)
    file = image.file_options(top.path)
    session.run("blockdev-add", **options, file=file, backing=None)
    try:
        nodes = session.run("query-named-block-nodes", flat=True)
    finally:
        session.drop_node(PROBE)
    return image.marked_bytes(nodes, PROBE, checkpoint)


def _bitmaps(record: MachineRecord, key: str, files: disks.DiskFiles, base: str | None) -> tuple[str, ...]:
    """The bitmaps to export: a base's bitmap records until its checkpoint is removed, so it alone has all
    changes since."""
    usable = base is not None and base in files.bitmaps and record.counted(base, key, files.chain[0].path)
    return (base,) if usable and base is not None else ()


def _changes(
    daemon: Daemon, record: MachineRecord, key: str, files: disks.DiskFiles, base: str | None
) -> DiskChanges:
    return DiskChanges(
        key,
        files.size_bytes,
        daemon.nbd_socket,
        view_export(record.fabric_id, key),
        _bitmaps(record, key, files, base),
    )
