"""What a replica tells about itself: its recovery points, what it occupies. It waits for nobody."""

from __future__ import annotations

from dataclasses import dataclass

from . import errors, manifest
from .replica_core import ReplicaCore
from .replica_files import stored_bytes, tree_bytes
from .replica_state import Layer, ReplicaState


@dataclass(frozen=True, slots=True)
class PointRecord:
    """A recovery point of the replica. `added_bytes` is what its own layer occupies. A committed point is on record
    only: nothing can be started from it any more."""

    manifest: manifest.Manifest
    layer: int
    committed: bool
    added_bytes: int
    held: str | None = None
    """Why it stays whatever retention says; None when it is not held."""

    @property
    def point_id(self) -> str:
        return self.manifest.point_id


@dataclass(frozen=True, slots=True)
class ReplicaStats:
    """What the replica occupies and how it stands; `chain_length` counts files per disk, the base included."""

    stored_bytes: int
    size_bytes: int
    chain_length: int
    points: int
    damaged_points: tuple[str, ...]
    waiting_merges: int


def points(core: ReplicaCore) -> list[PointRecord]:
    """Recovery points, oldest first; see `Replica.points`."""
    state = core.state
    found = [_point(core, layer, state) for layer in state.layers if layer.point_id is not None]
    return [point for point in found if point is not None]


def stats(core: ReplicaCore) -> ReplicaStats:
    """Sizes and counts; see `Replica.stats`."""
    found, state = points(core), core.state
    known = {point.point_id for point in found}
    return ReplicaStats(
        stored_bytes=tree_bytes(core.files.root),
        size_bytes=sum(disk.size_bytes for disk in state.disks),
        chain_length=1 + len(state.layers),
        points=len(found),
        damaged_points=tuple(la.point_id for la in state.layers if la.point_id and la.point_id not in known),
        waiting_merges=sum(layer.point_id is None and layer.number != state.head for layer in state.layers),
    )


def _point(core: ReplicaCore, layer: Layer, state: ReplicaState) -> PointRecord | None:
    assert layer.point_id is not None
    try:
        body = manifest.load(core.files.point(layer.point_id))
    except errors.ImageProblem:
        return None
    added = sum(stored_bytes(core.files.layer(key, layer.number)) for key in state.keys)
    committed = state.committed_point_id == layer.point_id
    return PointRecord(body, layer.number, committed, added, state.held(layer.point_id))
