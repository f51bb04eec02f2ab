"""A view of a machine that is off: its disks in place, with the bitmaps stored in them, read-only.

A separate daemon exports them; a start of the machine ends that daemon first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ...interface import ChangeSession, DiskChanges, SessionRequest
from ..host import disks
from ..host.daemon import Daemon
from ..host.host import Host, view_export
from ..host.records import MachineRecord


def begin(host: Host, record: MachineRecord, request: SessionRequest) -> ChangeSession:
    """Export the disks; the caller has the machine's lock and its view lock, and ends the daemon."""
    record = host.close(record)
    daemon = host.reader(record.fabric_id)
    daemon.kill()
    wanted = [disk for disk in record.definition.disks if disk.key in request.disks]
    found = {disk.key: disks.look(record.fabric_id, Path(disk.path)) for disk in wanted}
    daemon.ensure()
    taken_at = datetime.now(UTC)
    with daemon.session(f"Reading machine '{record.definition.name}', which is off") as session:
        for key, files in found.items():
            disks.open_chain(session, files, writable=False, key=host.key)
            bitmaps = _bitmaps(record, key, files, request.base)
            session.add_export(view_export(record.fabric_id, key), files.chain[0].node, bitmaps=bitmaps)
    return ChangeSession(
        taken_at=taken_at,
        checkpoint=None,
        disks=tuple(_changes(daemon, record, key, files, request.base) for key, files in found.items()),
    )


def _bitmaps(record: MachineRecord, key: str, files: disks.DiskFiles, base: str | None) -> tuple[str, ...]:
    """The bitmaps to export: a base's bitmap records until its checkpoint is removed, so it alone has all changes
    since."""
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
