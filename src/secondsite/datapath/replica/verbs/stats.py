"""A replica's recovery points, sizes and counts, given without waiting for a change."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final, NamedTuple

from ....ground.usage import stored_bytes, tree_bytes
from ... import errors
from ..core import ReplicaCore
from ..record.manifest import Manifest
from ..record.record import Layer, ReplicaState

SETTLED_NS: Final = 2_000_000_000
"""The age from which a file's time can be trusted. File times move in steps of up to 10 ms: of two writes
within one step the second leaves no trace, so a file that was just changed may be changed again unseen."""


class PointFingerprint(NamedTuple):
    """What tells, without reading a point, whether it is unchanged since it was read: then all of this is
    equal.

    `below` is the layer under the point's own, which holds more after a merge. `stamp` tells which file the
    manifest is, and when it was last changed; None if it was not looked at, has just been changed, or is
    missing."""

    point_id: str
    below: int
    committed: bool
    held: str | None
    stamp: int | None


@dataclass(frozen=True, slots=True)
class PointRecord:
    """A recovery point of the replica. `added_bytes` is the space of its own layer. A committed point is
    only a record: nothing can be started from it any more."""

    manifest: Manifest
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
    """Sizes in bytes and counts of a replica."""

    stored_bytes: int
    size_bytes: int
    points: int
    damaged_points: tuple[str, ...]
    waiting_merges: int


def points(core: ReplicaCore) -> list[PointRecord]:
    """Recovery points, oldest first, without those whose manifest is damaged. Does not wait for a cycle
    that is being applied."""
    state = core.state
    found = [_point(core, layer, state) for layer in state.layers if layer.point_id is not None]
    return [point for point in found if point is not None]


def point(core: ReplicaCore, point_id: str) -> PointRecord:
    """One recovery point, read now; raises PointUnknown, ImageProblem."""
    state = core.state
    layer = state.layer_of(point_id)
    if layer is None:
        raise errors.PointUnknown(
            f"The replica of {state.machine_id} has no recovery point '{point_id}'.",
            do="List the recovery points.",
        )
    return _read(core, layer, state)


def is_worthless(core: ReplicaCore, point_id: str) -> bool:
    """Whether the manifest of a point was read now and is not what was sealed, or is gone. A file that cannot
    be read at the moment says nothing: that may pass."""
    try:
        core.manifest_of(point_id)
    except errors.ImageProblem as problem:
        cause = problem.__cause__
        if isinstance(cause, FileNotFoundError):
            return os.path.isdir(core.files.points)  # else its file system is away
        return not isinstance(cause, OSError)
    return False


def looks(core: ReplicaCore, stamped: bool) -> list[PointFingerprint]:
    """What tells which points must be read again, for all points, oldest first, also those whose manifest is
    damaged; no file is read. `stamped`: the times of their files are looked at."""
    state, folder = core.state, os.fspath(core.files.points)
    holds, committed, settled_ns = dict(state.holds), state.committed_point_id, time.time_ns() - SETTLED_NS
    found, below, stamp = [], 0, None
    for layer in state.layers:
        if (name := layer.point_id) is not None:
            if stamped:
                stamp = _stamp(f"{folder}/{name}.json", settled_ns)
            found.append(PointFingerprint(name, below, name == committed, holds.get(name), stamp))
        below = layer.number
    return found


def _stamp(path: str, settled_ns: int) -> int | None:
    """A number that every write changes, also one that sets the file's times back; None if the file is
    missing or was just changed."""
    try:
        told = os.stat(path)
    except OSError:
        return None
    return told.st_ctime_ns << 64 | told.st_ino if told.st_ctime_ns < settled_ns else None


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
    try:
        return _read(core, layer, state)
    except errors.ImageProblem:
        return None


def _read(core: ReplicaCore, layer: Layer, state: ReplicaState) -> PointRecord:
    assert layer.point_id is not None
    body = core.manifest_of(layer.point_id)
    added = sum(stored_bytes(core.files.layer(key, layer.number)) for key in state.keys)
    committed = state.committed_point_id == layer.point_id
    return PointRecord(body, layer.number, committed, added, state.held(layer.point_id))
