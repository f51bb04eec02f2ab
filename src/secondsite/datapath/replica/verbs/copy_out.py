"""Copies the disks of a recovery point to images that need nothing of the replica."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from ....ground.durable import sync_file, sync_folder
from ... import errors
from ...digests import RunningDigest, scan
from ...disks import NbdDisk, Writes, image
from ..core import ReplicaCore
from ..record import base_files
from ..record.manifest import ManifestDisk
from ..record.record import ReplicaState
from . import verify


def copy_out(
    core: ReplicaCore, point_id: str, goals: Mapping[str, Path], cancelled: scan.Asked = scan.never,
    told: scan.Told = scan.nobody,
) -> int:  # fmt: skip
    """Write the point's disks with these keys to new qcow2 files, thin and not encrypted; cycles go on
    meanwhile. Gives the bytes of data that were written; they are durable, and what was sealed. A file that
    is there is overwritten; one that is not whole stays after an error, for the caller. Raises PointUnknown,
    Cancelled, ImageProblem for a point that is not as it was sealed, DiskUnreadable, OSError."""
    with verify.held(core, point_id) as (state, top):
        attached = base_files.attached(state)
        base_files.require_there(state)
        disks = [disk for disk in core.manifest_of(point_id).disks if disk.key in goals]
        stop = verify.until_settled(core, state, cancelled)
        written = sum(_copy(core, state, top, disk, goals[disk.key], stop, told) for disk in disks)
        base_files.require_same(state, attached)
        return written


def _copy(
    core: ReplicaCore, state: ReplicaState, top: int, disk: ManifestDisk, goal: Path, cancelled: scan.Asked,
    told: scan.Told,
) -> int:  # fmt: skip
    daemon, prefix = core.daemon, f"c{secrets.token_hex(5)}"
    image.create(goal, disk.size_bytes)
    with verify.opened(core, state, top, disk.key, prefix) as source:
        read_bytes = source.size_bytes
        copy = daemon.add_node(daemon.image_options(f"{prefix}-goal", goal, writable=True))
        daemon.export(copy, copy, writable=True)
        with NbdDisk(daemon.nbd_socket, copy) as target:
            digest, written = _read_and_write(source, target, cancelled, told)
            target.flush()
    if (digest, read_bytes) != (disk.digest, disk.size_bytes):
        raise errors.ImageProblem(
            f"Disk {disk.key} is not what was sealed with the point.", do="Choose another point."
        )
    sync_file(goal)
    sync_folder(goal.parent)
    return written


def _read_and_write(
    source: NbdDisk, target: NbdDisk, cancelled: scan.Asked, told: scan.Told
) -> tuple[str, int]:
    """The digest of all that was read, and how many bytes of it were written: zeros are there already."""
    running, written = RunningDigest(), 0
    with Writes(target) as writes:
        for offset, length, data in scan.scan(source, cancelled):
            if data is None:
                running.zeros(length)
            else:
                running.data(data)
                source.land()  # before another answer is waited for
                writes.write(data, offset)
                written += length
            told(length, 0 if data is None else length)
    return running.hexdigest(), written
