"""The simulated host: opens machines in daemons and closes them. All protocols of the fabric use it.

A machine runs in the shared daemon, or in one of its own, which a test may kill like a QEMU.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....wire.common.machines import MachineDefinition
from ...interface import PowerState
from . import disks
from .daemon import Daemon, Session
from .records import MachineRecord, Records

MEMORY = "memory"
"""The file with the host's memory, in bytes."""
DELTA = "view-delta"
"""The frozen copy of a base's bitmap that a view exports."""


class Host:
    """Opens machines in daemons and closes them. Invariant: the record says RUNNING only when the daemon it
    names has all the machine's disks open."""

    def __init__(self, root: Path, key: EncryptionKey | None = None) -> None:
        """`key` opens encrypted disks."""
        self.key = key
        self.root = root.absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self.records = Records(self.root)
        self._shared = Daemon(self.root / "daemons" / "host")

    @property
    def memory_bytes(self) -> int | None:
        """The memory that its owner gave it; None: as much as the real host has."""
        given = self.root / MEMORY
        return int(given.read_text()) if given.exists() else None

    def daemon(self, record: MachineRecord) -> Daemon:
        """The daemon in which the machine runs, or would run."""
        if record.traits.own_daemon:
            return Daemon(self.root / "daemons" / record.fabric_id)
        return self._shared

    def reader(self, fabric_id: str) -> Daemon:
        """The short-lived daemon that shows the disks of a machine that is off."""
        return Daemon(self.root / "daemons" / f"off-{fabric_id}")

    def state(self, record: MachineRecord | None) -> PowerState:
        if record is None:
            return PowerState.MISSING
        alive = record.runs_in is not None and record.runs_in == self.daemon(record).identity
        return PowerState.RUNNING if alive else PowerState.OFF

    def open(self, record: MachineRecord) -> MachineRecord:
        """Start a machine that is off; the caller has its lock. A start goes before a reader."""
        self.reader(record.fabric_id).kill()
        record = self.close(record)
        found = {disk.key: disks.look(record.fabric_id, Path(disk.path)) for disk in record.definition.disks}
        for disk in record.definition.disks:
            for bitmap in found[disk.key].broken_bitmaps:
                if bitmap.startswith(disks.OURS):
                    disks.remove_bitmap(Path(disk.path), bitmap, self.key)
        daemon = self.daemon(record)
        runs_in = daemon.ensure()
        nodes = {key: tuple(link.node for link in files.chain) for key, files in found.items()}
        definition = _as_large_as(record.definition, found)
        record = self.records.save(
            record.having(definition=definition, nodes=nodes, checkpoints=_checkpoints(found))
        )
        try:
            with daemon.session(f"Starting machine '{record.definition.name}'") as session:
                for key, files in found.items():
                    disks.open_chain(session, files, writable=True, key=self.key)
                    export = disks.guest_export(record.fabric_id, key)
                    session.add_export(export, files.chain[0].node, writable=True)
        except errors.SecondsiteError:
            self.close(record)
            raise
        return self.records.save(record.having(runs_in=runs_in, boot=secrets.token_hex(4)))

    def close(self, record: MachineRecord) -> MachineRecord:
        """Close all files of the machine, whatever its state; bitmaps are stored in its disks.

        The record says OFF first: whoever acts on that waits for the lock, which the caller has.
        """
        record = self.records.save(record.having(runs_in=None)) if record.runs_in is not None else record
        record = self.end_view(record)
        if not record.nodes:
            return record
        daemon = self.daemon(record)
        if daemon.identity is not None:
            with daemon.session(f"Stopping machine '{record.definition.name}'") as session:
                for disk in record.definition.disks:
                    session.drop_export(disks.guest_export(record.fabric_id, disk.key))
                    session.drop_kept_job(merge_name(record.fabric_id, disk.key))
                    session.drop_kept_job(move_name(record.fabric_id, disk.key))
                for node in (node for chain in record.nodes.values() for node in chain):
                    session.drop_node(node)
        else:
            daemon.until_gone()
        return self.records.save(record.having(nodes={}))

    def end_view(self, record: MachineRecord) -> MachineRecord:
        """Remove what a frozen view left in the daemon and on disk; the caller has the machine's lock."""
        if record.view is None:
            return record
        daemon = self.daemon(record)
        if daemon.identity is not None:
            with daemon.session(f"Ending the view of machine '{record.definition.name}'") as session:
                for disk in record.definition.disks:
                    _end_disk_view(session, record.fabric_id, disk.key, Path(disk.path))
        for scratch in record.view:
            Path(scratch).unlink(missing_ok=True)
        return self.records.save(record.having(view=None))

    def abandon_view(self, record: MachineRecord) -> None:
        """End the jobs of an open view, so that nothing more is copied into its scratch files."""
        daemon = self.daemon(record)
        if daemon.identity is not None:
            with daemon.session(f"Abandoning the view of machine '{record.definition.name}'") as session:
                for disk in record.definition.disks:
                    session.drop_export(view_export(record.fabric_id, disk.key))
                    session.drop_job(view_name(record.fabric_id, disk.key))


def view_export(fabric_id: str, key: str) -> str:
    return f"view/{fabric_id}/{key}"


def view_name(fabric_id: str, key: str) -> str:
    """The name of a view's job and of its scratch node."""
    return disks.node_name(fabric_id, Path("/view") / key)


def merge_name(fabric_id: str, key: str) -> str:
    """The name of the job that consolidates a disk."""
    return disks.node_name(fabric_id, Path("/merge") / key)


def move_name(fabric_id: str, key: str) -> str:
    """The name of the job that moves a disk to another file."""
    return disks.node_name(fabric_id, Path("/move") / key)


def _end_disk_view(session: Session, fabric_id: str, key: str, path: Path) -> None:
    name = view_name(fabric_id, key)
    session.drop_export(view_export(fabric_id, key))
    session.drop_job(name)
    session.drop_node(name)
    session.drop_bitmap(disks.node_name(fabric_id, path), DELTA)


def _as_large_as(definition: MachineDefinition, found: dict[str, disks.DiskFiles]) -> MachineDefinition:
    """The definition with the sizes of the disk files: a machine that comes home may have been enlarged while
    it was away."""
    sized = tuple(
        disk.model_copy(update={"size_bytes": found[disk.key].size_bytes}) for disk in definition.disks
    )
    return definition.model_copy(update={"disks": sized})


def _checkpoints(found: dict[str, disks.DiskFiles]) -> dict[str, tuple[str, ...]]:
    """Our checkpoints, with the disks that have a usable bitmap of them."""
    names = {name for files in found.values() for name in files.bitmaps if name.startswith(disks.OURS)}
    return {
        name: tuple(key for key, files in found.items() if name in files.bitmaps) for name in sorted(names)
    }
