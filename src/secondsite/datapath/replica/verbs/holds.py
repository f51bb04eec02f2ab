"""Holds: points that retention must not drop until somebody releases them.

A hold is on a point, not on the layers below it: those are merged as usual, so a hold costs only the space
of its own layer."""

from __future__ import annotations

from ... import errors
from ..core import ReplicaCore


def hold(core: ReplicaCore, point_id: str, reason: str) -> str:
    """Keep a point for `reason` until it is released, across restarts: it cannot be dropped. A commit still
    removes it, and says so. It can be repeated; another reason replaces the first. Returns a sentence; raises
    PointUnknown."""
    with core.keeping_layers() as state:
        if state.layer_of(point_id) is None:
            raise errors.PointUnknown(
                f"The replica of {state.machine_id} has no recovery point '{point_id}'.",
                do="List the recovery points and choose one.",
            )
        before = state.held(point_id)
        if before == reason:
            return f"point {point_id} was already held: {reason}"
        others = tuple(each for each in state.holds if each[0] != point_id)
        core.save(holds=(*others, (point_id, reason)))
        core.reach("hold.recorded")
    return f"point {point_id} is held: {reason}" + (f" (before: {before})" if before else "")


def release(core: ReplicaCore, point_id: str) -> str:
    """End the hold of a point; returns a sentence. Harmless without one."""
    with core.keeping_layers() as state:
        reason = state.held(point_id)
        if reason is None:
            return f"point {point_id} was not held"
        core.save(holds=tuple(each for each in state.holds if each[0] != point_id))
        core.reach("release.recorded")
    return f"point {point_id} is no longer held ({reason}); retention decides about it now"


def sentence(held: tuple[tuple[str, str], ...]) -> str:
    """The part of a sentence that names removed points with a hold, and the reasons; empty if there are
    none."""
    if not held:
        return ""
    return f", {len(held)} of them held: " + "; ".join(f"{point_id} ({reason})" for point_id, reason in held)


def refuse(core: ReplicaCore, point_id: str) -> None:
    """Raises PointHeld if the point has a hold."""
    reason = core.state.held(point_id)
    if reason is not None:
        raise errors.PointHeld(
            f"Recovery point {point_id} of {core.state.machine_id} is held: {reason}.",
            do="Release the point first, if it may go.",
        )
