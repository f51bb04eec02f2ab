"""Deletes a replica: it is hidden by one rename, then deleted file by file. Or moves it away whole; or keeps
the points that it is about to lose in a second replica of the same files, as hard links.

Sealed layers are never written except when one is merged into another, and that takes a copy of its own first
(`unshare`). So the second replica costs space only for what the first one deletes."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from pathlib import Path

from ....ground.durable import sync_folder
from ....ground.plural import counted
from ... import errors
from ...files import second_name
from ..core import Reach, ReplicaCore
from ..record import record
from ..record.paths import ReplicaFiles
from ..record.record import Layer


def remove(core: ReplicaCore, even_with_runs: bool = False) -> str:
    """Delete the replica's files, never the images that it was created from; returns a sentence. Raises
    ReplicaInUse while runs are open, unless `even_with_runs`: their machines are gone."""
    with core.changing(), core.keeping_layers() as state:
        if state.runs and not even_with_runs:
            raise errors.ReplicaInUse(
                (
                    f"Machines run on the replica of {state.machine_id}: "
                    f"{', '.join(run.name for run in state.runs)}."
                ),
                do="Close these runs first.",
            )
        core.heads.close()
        delete(core.files.root, core.reach)
        points = sum(layer.point_id is not None for layer in state.layers)
    return f"removed the replica and its {counted(points, 'recovery point')}"


def move(core: ReplicaCore, place: Path) -> None:
    """Move the folder to `place`, on the same file system; durable when it returns. `core` must not be used
    afterwards."""
    with core.changing(), core.keeping_layers():
        core.heads.close()
        core.files.root.rename(place)
        sync_folder(place.parent)
        sync_folder(core.files.root.parent)
        core.reach("remove.moved")


def delete(folder: Path, reach: Reach) -> None:
    """Delete a folder that holds a replica which nothing has open."""
    doomed = folder.with_name(f".removed-{folder.name}-{secrets.token_hex(4)}")
    folder.rename(doomed)
    sync_folder(folder.parent)
    reach("remove.renamed")
    shutil.rmtree(doomed)


def sweep(replicas: Path) -> None:
    """Delete what interrupted removals left in the folder of all replicas."""
    for path in replicas.glob(".removed-*"):
        shutil.rmtree(path, ignore_errors=True)


def share(core: ReplicaCore, place: Path) -> None:
    """Make `place` a second replica of all points, without the head and the runs, which shares their
    files; what this one does later changes nothing there. Durable when it returns. Raises OSError."""
    shutil.rmtree(place, ignore_errors=True)
    with core.keeping_layers() as state:
        files = ReplicaFiles(place.absolute())
        files.make_folders(state.keys)
        layers = _up_to_newest_point(state.layers)
        merged = tuple(each for each in state.merged if layers and each[1] <= layers[-1].number)
        for key in state.keys:
            found = [
                core.files.base(key),
                *(core.files.layer(key, layer.number) for layer in layers),
                *(core.files.merged(key, *name) for name in merged),
            ]
            _link([path for path in found if path.exists()], files.disk(key))
        _link(
            [core.files.point(layer.point_id) for layer in layers if layer.point_id is not None], files.points
        )
        _link([core.files.firmware / name for name in core.firmware_store.stored()], files.firmware)
        merging = state.merging if any(layer.number == state.merging for layer in layers[:-1]) else None
        shared = dataclasses.replace(state, layers=layers, merged=merged, head=None, merging=merging, runs=())
        record.save(dataclasses.replace(shared, applying_seq=None, unsealed=False), files.record)
        core.reach("share.recorded")


def _up_to_newest_point(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers without the head, and without a layer that only waits to be merged into it."""
    numbers = [layer.number for layer in layers if layer.point_id is not None]
    return tuple(layer for layer in layers if layer.number <= max(numbers, default=0))


def _link(paths: list[Path], folder: Path) -> None:
    for path in paths:
        if path.exists():
            second_name(path, folder / path.name)
    sync_folder(folder)
