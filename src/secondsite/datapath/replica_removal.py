"""A replica goes: out of sight in one rename, then file by file."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from . import errors
from .replica_core import ReplicaCore
from .replica_files import sync_folder


def remove(core: ReplicaCore, even_with_runs: bool) -> str:
    """Delete the replica's files; see `Replica.remove`."""
    with core.changing(), core.keeping_layers() as state:
        if state.runs and not even_with_runs:
            raise errors.ReplicaInUse(
                f"Machines run on the replica of {state.machine_id}: {', '.join(run.name for run in state.runs)}.",
                do="Close these runs first.",
            )
        core.heads.close()
        root = core.files.root
        doomed = root.with_name(f".removed-{root.name}-{secrets.token_hex(4)}")
        root.rename(doomed)
        sync_folder(root.parent)
        core.reach("remove.renamed")
        shutil.rmtree(doomed)
        points = sum(layer.point_id is not None for layer in state.layers)
    return f"removed the replica and its {points} recovery points"


def sweep(replicas: Path) -> None:
    """Delete what removals that were broken off left in the folder of all replicas."""
    for path in replicas.glob(".removed-*"):
        shutil.rmtree(path, ignore_errors=True)
