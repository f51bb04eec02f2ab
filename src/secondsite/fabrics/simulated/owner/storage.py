"""What a site's owner does to disk files with tools of their own: external snapshots, copies that are put
back in place, a machine that comes back from another host."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from ....datapath.disks import image
from ....domain import errors
from ....wire.common.machines import DiskDefinition
from ...interface import PowerState
from .. import consolidation
from ..host import disks
from ..host.daemon import translated
from ..host.host import Host
from ..host.records import MachineRecord

VIEW_SECONDS = 20.0
POLL_SECONDS = 0.02
READ_SECONDS = 10.0


def take_snapshot(root: Path, fabric_id: str, key: str) -> Path:
    """Take an external snapshot, as backup tools do: the disk goes on in a new file above the old one, whose
    path is returned. Waits while a frozen view is open. Raises FabricError."""
    host = Host(root)
    with _without_a_view(host, fabric_id), host.records.lock(fabric_id, "take a snapshot of"):
        record = host.records.need(fabric_id)
        disk = _disk(record, key)
        overlay = root.absolute() / "snapshots" / f"{fabric_id}-{key}-{uuid.uuid4().hex[:8]}.qcow2"
        overlay.parent.mkdir(parents=True, exist_ok=True)
        with translated(f"Making {overlay}"):
            image.create_overlay(overlay, Path(disk.path), "qcow2", disk.size_bytes, relative=False)
        nodes = record.nodes
        if host.state(record) is PowerState.RUNNING:
            nodes = {**nodes, key: (_grow(host, record, disk, overlay), *nodes[key])}
        host.records.save(_on(record, key, overlay).having(nodes=nodes))
    return Path(disk.path)


def end_snapshot(root: Path, fabric_id: str, key: str, below: Path) -> None:
    """Merge the disk back into the file that it had before the snapshot. Raises FabricError, also if the disk
    does not stand on that file any more, or is that file: a machine that was made anew has no snapshot."""
    host = Host(root)
    overlay = Path(_disk(host.records.need(fabric_id), key).path)
    if overlay == below:
        raise errors.FabricError(f"Disk {key} of {fabric_id} has no snapshot above {below}.")
    with _without_a_view(host, fabric_id):
        consolidation.run(host, fabric_id, {key: below}, lambda _: None)
    overlay.unlink(missing_ok=True)


def put_back(root: Path, fabric_id: str, copies: dict[Path, Path]) -> None:
    """Turn the machine off, and write older copies over its disk files, into the same files as `cp` does.
    Raises FabricError."""
    host = Host(root)
    with _without_a_view(host, fabric_id), host.records.lock(fabric_id, "put copies back"):
        host.close(host.records.need(fabric_id))
        for path, copy in copies.items():
            shutil.copyfile(copy, path)


def copy_disks(root: Path, fabric_id: str, folder: Path) -> dict[Path, Path]:
    """Copy the disk files of a machine that is off; returns the copies by the original files. Raises
    FabricError."""
    host = Host(root)
    folder.mkdir(parents=True, exist_ok=True)
    with host.records.lock(fabric_id, "copy the disks of"):
        record = host.records.need(fabric_id)
        if host.state(record) is not PowerState.OFF:
            raise errors.FabricError(f"Machine '{record.definition.name}' runs.", do="Switch it off first.")
        paths = [Path(disk.path) for disk in record.definition.disks]
        return {path: Path(shutil.copyfile(path, folder / path.name)) for path in paths}


def migrate_back(root: Path, fabric_id: str) -> None:
    """Bring the machine back; it runs unless its start is forbidden. Its bitmaps did not travel with it."""
    host = Host(root)
    with host.records.lock(fabric_id, "migrate back"):
        record = host.records.save(host.records.need(fabric_id).having(elsewhere=False, images={}))
        if not record.start_forbidden:
            host.open(record)


@contextlib.contextmanager
def read_by_another(path: Path) -> Iterator[None]:
    """Another program, such as a backup tool, has the image open inside the context, and does not share it
    with a writer. Raises FabricError where somebody writes it."""
    reading = subprocess.Popen(
        ["qemu-io", "-r", "-f", "qcow2", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert reading.stdin is not None
        assert reading.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: somebody writes
            reading.stdin.write(b"length\n")
            reading.stdin.flush()
        if not reading.stdout.readline():
            raise errors.FabricError(f"{path} is written by somebody.", do="Wait until the machine is off.")
        yield
    finally:
        reading.kill()
        reading.communicate(timeout=READ_SECONDS)


@contextlib.contextmanager
def _without_a_view(host: Host, fabric_id: str) -> Iterator[None]:
    """Inside the context no frozen view is open; on a real host such an act also waits for the open job."""
    deadline = time.monotonic() + VIEW_SECONDS
    with contextlib.ExitStack() as lock:
        while True:
            try:
                lock.enter_context(host.records.lock_view(fabric_id))
                break
            except errors.FabricError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(POLL_SECONDS)
        yield


def _grow(host: Host, record: MachineRecord, disk: DiskDefinition, overlay: Path) -> str:
    """Put the overlay above the disk of a running machine; returns its node."""
    node = disks.node_name(record.fabric_id, overlay)
    with host.daemon(record).session(f"Snapshot of disk {disk.key} of '{record.definition.name}'") as session:
        file = {"driver": "file", "filename": str(overlay), "auto-read-only": True, "discard": "unmap"}
        session.run("blockdev-add", driver="qcow2", node_name=node, discard="unmap", file=file, backing=None)
        below = disks.node_name(record.fabric_id, Path(disk.path))
        session.run("blockdev-snapshot", node=below, overlay=node)
    return node


def _disk(record: MachineRecord, key: str) -> DiskDefinition:
    for disk in record.definition.disks:
        if disk.key == key:
            return disk
    raise errors.NotFound(f"Machine '{record.definition.name}' has no disk '{key}'.")


def _on(record: MachineRecord, key: str, path: Path) -> MachineRecord:
    """The record with that file as the disk; checkpoints of the file below do not count any more."""
    listed = tuple(
        disk.model_copy(update={"path": str(path)}) if disk.key == key else disk
        for disk in record.definition.disks
    )
    checkpoints = {
        name: tuple(one for one in keys if one != key) for name, keys in record.checkpoints.items()
    }
    definition = record.definition.model_copy(update={"disks": listed})
    return record.having(definition=definition, checkpoints=checkpoints)
