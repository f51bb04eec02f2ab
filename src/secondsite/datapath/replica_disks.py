"""Disks that join a replica, and disks that leave it.

A disk that joins gets a file in every layer of the chain, all empty, so that layers are sealed and merged as one; which
points have it is said by their manifests. One that left is removed when no point has it any more.
"""

from __future__ import annotations

import shutil

from . import errors, image, image_blank, layers, manifest
from .replica_core import ReplicaCore
from .replica_files import checked_name, sync_file, sync_folder
from .replica_state import DiskRecord


def add(core: ReplicaCore, key: str, size_bytes: int) -> str:
    """Make room for a disk; see `Replica.add_disk`. Until the record names it, its files are garbage."""
    checked_name(key, "disk key")
    with core.changing(), core.keeping_layers() as state:
        if key in state.keys:
            return f"disk {key} was already there"
        if state.head is None:
            raise errors.ReplicaClosed(
                f"The replica of {state.machine_id} takes no disk: its failover was committed.",
                do="Reprotect the machine first.",
            )
        folder, base = core.files.disk(key), core.files.base(key)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        sync_folder(folder.parent)
        if core.key is None:
            image.create(base, size_bytes)
        else:
            image_blank.create(base, size_bytes, core.key, folder)
        sync_file(base)
        record = DiskRecord(key, size_bytes, str(base.relative_to(core.files.root)))
        below = base
        for layer in state.layers:
            below = layers.create_layer(core.files, record, layer.number, below, key=core.key)
        core.reach("join.files")
        core.heads.close()
        current = state.keys if state.current is None else state.current
        core.save(disks=(*state.disks, record), current=current)
        core.reach("join.recorded")
    return f"made room for disk {key}"


def forget(core: ReplicaCore, key: str) -> bool:
    """Remove a disk; see `Replica.forget_disk`."""
    with core.changing(), core.keeping_layers() as state:
        if key not in state.keys or len(state.disks) == 1:
            return False
        points = [layer.point_id for layer in state.layers if layer.point_id is not None]
        if any(_has(core, point_id, key) for point_id in points):
            return False
        core.heads.close()
        core.drop_maps(key)
        core.save(
            disks=tuple(disk for disk in state.disks if disk.key != key),
            current=None if state.current is None else tuple(each for each in state.current if each != key),
        )
        core.reach("leave.recorded")
        shutil.rmtree(core.files.disk(key), ignore_errors=True)
    return True


def _has(core: ReplicaCore, point_id: str, key: str) -> bool:
    """Whether a point has the disk, or cannot tell."""
    try:
        return any(disk.key == key for disk in manifest.load(core.files.point(point_id)).disks)
    except errors.ImageProblem:
        return True
