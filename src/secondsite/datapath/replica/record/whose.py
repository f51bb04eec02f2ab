"""Checks that a replica and its points belong to the machine that they are taken for.

Somebody who restores a folder may put it under another machine's name, or a point's file into another
replica: one machine would then start under the name of the other."""

from __future__ import annotations

import contextlib

from ... import errors
from . import manifest
from .manifest import Manifest
from .paths import ReplicaFiles
from .record import ReplicaState


def require(files: ReplicaFiles, state: ReplicaState, machine_id: str | None) -> None:
    """Raises AnotherReplica if the record is not that of this machine. None: any machine is accepted."""
    if machine_id is None or state.machine_id == machine_id:
        return
    holds = _named(files, state)
    raise errors.AnotherReplica(
        f"The folder {files.root} holds the replica of {holds}, and not that of {machine_id}.",
        do="Put the machine's own folder back there.",
        holds=holds,
    )


def point(files: ReplicaFiles, state: ReplicaState, point_id: str) -> Manifest:
    """The manifest of a point, read now; raises ImageProblem if it is absent, damaged, or that of another
    machine or point."""
    found = manifest.load(files.point(point_id))
    if (found.machine_id, found.point_id) != (state.machine_id, point_id):
        raise errors.ImageProblem(
            f"The manifest {files.point(point_id)} is that of point {found.point_id} of "
            f"{found.machine_name} ({found.machine_id}), and not of this one.",
            do="Choose another recovery point; drop this one.",
        )
    return found


def _named(files: ReplicaFiles, state: ReplicaState) -> str:
    """The machine's name and id, as its newest readable point says them; its id, if none does."""
    for layer in reversed(state.layers):
        with contextlib.suppress(errors.ImageProblem):
            if layer.point_id is not None:
                return f"{point(files, state, layer.point_id).machine_name} ({state.machine_id})"
    return state.machine_id
