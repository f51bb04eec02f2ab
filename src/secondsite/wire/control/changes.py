"""Computes what changed in a machine's status since the last one over the same connection. Pure.

For an idle machine only figures change, with every cycle: they are sent as a shape of their own. Of a
replica's points only those that came, changed or went are sent, with a digest of all present ones: by it the
receiver knows whether it has missed something.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Annotated, TypeVar, cast

from pydantic import Field

from ..common.base import Shape
from ..common.numbers import BoundedTuple, Bytes, Instant, Name, Number
from ..common.points import JournalStretch, PointShape
from .statuses import MOST_POINTS, ReplicaStatus, SourceStatus

LONGEST_ID = 128
MachineId = Annotated[str, Field(max_length=LONGEST_ID)]


class SourceFigures(Shape):
    """The part of a source's status that changes with every cycle."""

    machine_id: MachineId
    epoch: Number
    last_seq: Number | None = None
    sent_at: Instant | None = None
    sync_fraction: float | None = None
    sync_seconds_left: float | None = None
    last_cycle_seconds: float | None = None
    last_cycle_changed_bytes: Bytes | None = None
    last_cycle_wire_bytes: Bytes | None = None
    total_wire_bytes: Bytes = 0


class ReplicaFigures(Shape):
    """The part of a replica's status that changes with every cycle."""

    machine_id: MachineId
    epoch: Number
    journal: Annotated[tuple[JournalStretch, ...], BoundedTuple(MOST_POINTS)] = ()
    journal_bytes: Bytes = 0
    processed_seq: Number | None = None
    processed_at: Instant | None = None
    inbox_bytes: Bytes = 0
    store_bytes: Bytes = 0


class ReplicaChange(Shape):
    """A replica's status, with its points as changes. `digest` is that of the points that there are now."""

    status: ReplicaStatus
    """The status without points."""
    came: Annotated[tuple[PointShape, ...], BoundedTuple(MOST_POINTS)] = ()
    """Points that are new, or were changed."""
    gone: Annotated[tuple[Name, ...], BoundedTuple(MOST_POINTS)] = ()
    """Ids of points that do not exist any more."""
    digest: Name


AnyStatus = SourceStatus | ReplicaStatus
S = TypeVar("S", bound=AnyStatus)
Figures = SourceFigures | ReplicaFigures
_OF_REST = frozenset({"sent_at", "processed_at", "journal"})
_OF_SOURCE = tuple(SourceFigures.model_fields)
_OF_REPLICA = tuple(ReplicaFigures.model_fields)
_SOURCE_REST = itemgetter("epoch", *(each for each in SourceStatus.model_fields if each not in _OF_SOURCE))
_REPLICA_REST = itemgetter("epoch", *(each for each in ReplicaStatus.model_fields if each not in _OF_REPLICA))


def figures(status: AnyStatus) -> Figures:
    """The figures of a status."""
    if isinstance(status, SourceStatus):
        return SourceFigures.model_construct(**{name: getattr(status, name) for name in _OF_SOURCE})
    return ReplicaFigures.model_construct(**{name: getattr(status, name) for name in _OF_REPLICA})


def with_figures(status: S, now: Figures) -> S:
    """The status with these figures; both are of the same side of the same machine."""
    return cast(S, status.model_copy(update=now.__dict__))


def without_figures(status: S) -> S:
    """The status without its figures."""
    kind = SourceFigures if isinstance(status, SourceStatus) else ReplicaFigures
    return with_figures(status, kind(machine_id=status.machine_id, epoch=status.epoch))


def same_but_for_figures(one: AnyStatus, other: AnyStatus) -> bool:
    """Whether the two, of the same side, differ in figures at most."""
    rest = _SOURCE_REST if isinstance(one, SourceStatus) else _REPLICA_REST
    return type(one) is type(other) and rest(one.__dict__) == rest(other.__dict__)


def only_rested(told: AnyStatus, now: AnyStatus) -> bool:
    """Whether the only change is until when nothing was written."""
    before, after = told.__dict__, now.__dict__
    return all(before[name] == value for name, value in after.items() if name not in _OF_REST)


def of_source(told: SourceStatus, now: SourceStatus) -> SourceStatus | SourceFigures:
    """The smallest shape that tells the change; the whole status if the epoch is another one."""
    found = figures(now)
    same = told.epoch == now.epoch and with_figures(told, found) == now
    return found if same and isinstance(found, SourceFigures) else now


def of_replica(told: ReplicaStatus, now: ReplicaStatus) -> ReplicaStatus | ReplicaFigures | ReplicaChange:
    """The smallest shape that tells the change; the whole status if the epoch is another one, or if its
    points cannot be sent as changes because their order changed."""
    if told.epoch != now.epoch:
        return now
    found = figures(now)
    if isinstance(found, ReplicaFigures) and with_figures(told, found) == now:
        return found
    known = {point.id: point for point in told.points}
    there = {point.id for point in now.points}
    came = tuple(point for point in now.points if known.get(point.id) != point)
    gone = tuple(point_id for point_id in known if point_id not in there)
    if points_after(told.points, came, gone) != now.points:
        return now
    status = now.model_copy(update={"points": ()})
    return ReplicaChange.model_construct(status=status, came=came, gone=gone, digest=digest(now.points))


def changed(
    told: ReplicaStatus, change: ReplicaChange, digest_told: str | None = None
) -> ReplicaStatus | None:
    """The status after the change; None if it cannot be the one that the change was made from.
    `digest_told`: that of the points that were told, if it is known. If no point changed, they are the
    same tuple."""
    if change.came or change.gone:
        points = points_after(told.points, change.came, change.gone)
        there = digest(points)
    else:
        points = told.points
        there = digest_told or digest(points)
    if told.epoch != change.status.epoch or there != change.digest:
        return None
    return change.status.model_copy(update={"points": points})


def points_after(
    told: Sequence[PointShape], came: Iterable[PointShape], gone: Iterable[str]
) -> tuple[PointShape, ...]:
    """A changed point stays in its place, a new one is the last."""
    points = {point.id: point for point in told} | {point.id: point for point in came}
    for point_id in gone:
        points.pop(point_id, None)
    return tuple(points.values())


def digest(points: Iterable[PointShape]) -> str:
    """A digest of the points' fields that choices, people and retention use: other releases compute the same
    one."""
    seen = [
        (each.id, each.epoch, each.seq, each.committed, each.held, each.damaged, str(each.verified_at))
        for each in points
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]
