"""Adds disks to a replica and removes them, and accepts changed content of old ones.

A new disk gets an empty file in every layer of the chain, so that all disks are sealed and merged alike; the
manifests tell which points have it. A disk that is no longer protected is removed once no point has it."""

from __future__ import annotations

import shutil

from ....ground.durable import sync_file, sync_folder
from ... import errors
from ...disks import image, luks_blank
from ..chain import chain
from ..core import ReplicaCore
from ..record import base_files, below_runs
from ..record.paths import checked_name
from ..record.record import DiskRecord
from .create import ReplicaDisk


def add(core: ReplicaCore, disk: ReplicaDisk) -> str:
    """Add a disk, empty in all layers and in the head; returns a sentence. Points have it from the first
    cycle on that carries it and does not set it apart. Until the record names it, its files are garbage.
    Raises ReplicaClosed."""
    key, size_bytes = checked_name(disk.key, "disk key"), disk.size_bytes
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
            luks_blank.create(base, size_bytes, core.key, folder)
        sync_file(base)
        record = DiskRecord(key, size_bytes, str(base.relative_to(core.files.root)))
        below = base
        for layer in state.layers:
            path = core.file_of(key, layer.number)
            chain.create_layer(core.files, record, path, below, key=core.key)
            below = core.files.layer(key, layer.number)
        sync_folder(folder)
        core.reach("join.files")
        core.heads.close()
        current = state.keys if state.current is None else state.current
        core.save(disks=(*state.disks, record), current=current)
        core.reach("join.recorded")
    return f"added disk {key}"


def forget(core: ReplicaCore, key: str) -> bool:
    """Remove a disk that is no longer protected; does nothing and returns False while a point has it."""
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


def changed_bases(core: ReplicaCore) -> tuple[str, ...]:
    """Keys of disks that stand on files of others, or on layers below a run, which somebody changed since
    they were recorded."""
    state = core.state
    return tuple(dict.fromkeys((*base_files.changed(state), *below_runs.changed(core.files, state))))


def altered_bases(core: ReplicaCore) -> tuple[str, ...]:
    """As `changed_bases`, but raises OldDiskAway while a file of others is missing, or is another device, and
    ImageProblem while the file system of a layer is away: it may come back as it was."""
    state = core.state
    return tuple(dict.fromkeys((*base_files.altered(state), *below_runs.altered(core.files, state))))


def require_bases(core: ReplicaCore) -> None:
    """Raises OldDiskAway while a file of others is missing, is another device, or answers nothing."""
    base_files.require_there(core.state, answering=True)


def bases_made_anew(core: ReplicaCore) -> bool:
    """Whether a device of others was attached anew, as by a reboot: what is open leads to the former one."""
    return base_files.made_anew(core.state)


def renew_bases(core: ReplicaCore) -> None:
    """Open the files of others anew, and count from now on what is written to them. The caller has checked
    that they are what they were. Raises ImageProblem."""
    with core.changing() as state:
        core.heads.close()
        core.save(disks=tuple(base_files.seen_again(disk) for disk in state.disks))
        for run in state.runs:
            if core.files.run_bases(run.name).exists() and not base_files.written(core.files, run.name):
                base_files.note_again(core.files, state, run.name)


def accept_bases(core: ReplicaCore) -> None:
    """Accept the files of `changed_bases` as they are now: they are opened again, and the digests are made
    anew. The points are intact only as far as the change did not affect them, and the head matches its source
    only after a comparison. Raises ImageProblem while a file is missing."""
    with core.changing() as state:
        core.heads.close()
        core.drop_maps()
        core.save(disks=tuple(base_files.seen_again(disk) for disk in state.disks))
        below_runs.accept(core.files, state)
        core.reach("bases.accepted")


def written_below(core: ReplicaCore, run_name: str) -> tuple[str, ...]:
    """Keys of the disks of which somebody wrote to a file of others below this run since it was opened."""
    return base_files.written(core.files, run_name)


def wrote_below(core: ReplicaCore, run_name: str) -> None:
    """Note that we wrote to these files ourselves. Raises ImageProblem while one is missing."""
    base_files.note_again(core.files, core.state, run_name)


def _has(core: ReplicaCore, point_id: str, key: str) -> bool:
    """Whether a point has the disk, or may have it."""
    try:
        return any(disk.key == key for disk in core.manifest_of(point_id).disks)
    except errors.ImageProblem:
        return True
