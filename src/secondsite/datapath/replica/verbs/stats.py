"""A replica's recovery points, sizes and counts, given without waiting for a change."""

from __future__ import annotations

from dataclasses import dataclass

from ....ground.usage import stored_bytes, tree_bytes
from ... import errors
from ..core import ReplicaCore
from ..record import manifest
from ..record.record import Layer, ReplicaState


@dataclass(frozen=True, slots=True)
class PointRecord:
    """A recovery point of the replica. `added_bytes` is the space of its own layer. A committed point is only a
    record: nothing can be started from it any more."""

    manifest: manifest.Manifest
    layer: int
    committed: bool
    added_bytes: int
    held: str | None = None
    """Why the point has a hold; None if it has none."""

    @property
    def point_id(self) -> str:
        return self.manifest.point_id


@dataclass(frozen=True, slots=True)
class ReplicaStats:
    """Sizes and counts."""

    stored_bytes: int
    size_bytes: int
    points: int
    damaged_points: tuple[str, ...]
    waiting_merges: int


def points(core: ReplicaCore) -> list[PointRecord]:
    """Recovery points, oldest first, without those whose manifest is damaged."""
    state = core.state
    found = [_point(core, layer, state) for layer in state.layers if layer.point_id is not None]
    return [point for point in found if point is not None]


def stats(core: ReplicaCore) -> ReplicaStats:
    """Sizes and counts that are known without waiting for a running change."""
    found, state = points(core), core.state
    known = {point.point_id for point in found}
    return ReplicaStats(
        stored_bytes=tree_bytes(core.files.root),
        size_bytes=sum(disk.size_bytes for disk in state.disks),
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
