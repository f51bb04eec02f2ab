"""Drops recovery points, and merges the layers that no point and no run needs any more.

A dropped point is gone for its users at once; its layer is merged with its child once nothing below is in
use. Merging goes from the bottom up, so that every byte is copied once."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ....ground.plural import counted
from ... import errors
from ..core import CANNOT_MERGE, NO_KEY, ReplicaCore
from ..record.record import Layer
from . import holds, shorten_chains


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What one `drop` did. `merged` counts the layers that were merged with their child; the others wait
    until they are not in use."""

    merged: int
    sentence: str


def drop(core: ReplicaCore, point_id: str) -> PruneResult:
    """Remove a recovery point. Its layer is merged now, or once nothing below it is in use. Raises
    ReplicaInUse while a run is on this point, PointHeld while it has a hold."""
    with core.changing(), core.keeping_layers() as state:
        layer = state.layer_of(point_id)
        if layer is None:
            return PruneResult(tidy(core), f"point {point_id} was already dropped")
        holds.refuse(core, point_id)
        users = state.users_of(layer.number)
        if users:
            raise errors.ReplicaInUse(
                f"Recovery point {point_id} of {state.machine_id} is in use by {', '.join(users)}.",
                do="End what uses it, then drop it.",
            )
        core.save(
            layers=tuple(Layer(old.number) if old is layer else old for old in state.layers),
            committed_point_id=None if state.committed_point_id == point_id else state.committed_point_id,
        )
        core.reach("drop.recorded")
        core.files.point(point_id).unlink(missing_ok=True)
        core.collect_firmware()
        merged = tidy(core)
    waits = "" if merged else "; its layer is merged later: it is in use, or the head is not whole"
    return PruneResult(merged, f"dropped point {point_id}, merged {counted(merged, 'layer')}{waits}")


def tidy(core: ReplicaCore) -> int:
    """Merge all layers that have no point and are not in use; returns how many. Call it inside
    `changing()`."""
    merged = 0
    with core.keeping_layers() as state:
        if state.merging is not None:
            if state.merging <= core.reserved:
                return 0
            _finish(core)
            merged += 1
        while (number := _mergeable(core)) is not None:
            core.save(merging=number)
            core.reach("merge.intended")
            _finish(core)
            merged += 1
        core.looked_for_useless = False
        shorten_chains.keep_short(core)
    return merged


def tidy_if_possible(core: ReplicaCore) -> None:
    """The same for a caller whose own work is done: an error is ignored, and the merge is repeated when
    points are dropped."""
    with contextlib.suppress(*NO_KEY, *CANNOT_MERGE):
        tidy(core)


def _finish(core: ReplicaCore) -> None:
    core.heads.close()
    core.finish_merge()


def _mergeable(core: ReplicaCore) -> int | None:
    """The lowest layer that may be merged with its child; never into a head that is not whole, because the
    layer below is then the last trustworthy state."""
    state = core.state
    free = [
        (layer.number, child.number)
        for layer, child in zip(state.layers, state.layers[1:], strict=False)
        if layer.point_id is None and layer.number > core.reserved
    ]
    if free and state.by_headers:
        return shorten_chains.removable(core, [number for number, _ in free])
    return next((number for number, child in free if child != state.head or state.whole), None)
