"""Delete a replica: hidden by one rename, then deleted file by file."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from ....ground.durable import sync_folder
from ....ground.plural import counted
from ... import errors
from ..core import ReplicaCore


def remove(core: ReplicaCore, even_with_runs: bool) -> str:
    """Delete the replica's files; gives a sentence. Raises ReplicaInUse."""
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
    return f"removed the replica and its {counted(points, 'recovery point')}"


def sweep(replicas: Path) -> None:
    """Delete what interrupted removals left in the folder of all replicas."""
    for path in replicas.glob(".removed-*"):
        shutil.rmtree(path, ignore_errors=True)
