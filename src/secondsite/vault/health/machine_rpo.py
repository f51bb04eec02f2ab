"""A machine's RPO: how old the newest state is that it could be recovered to, by what its appliances said."""

from datetime import datetime, timedelta
from operator import attrgetter

from ...domain import rpo_samples
from ...wire.common.points import PointShape
from ...wire.control.statuses import ReplicaStatus
from ..store import StatusRecord
from .identity_cache import IdentityCache

LATE_CLOCKS = timedelta(minutes=1)
"""How much clocks may differ, and statuses be late."""


def measure(status: StatusRecord, now: datetime) -> rpo_samples.Rpo:
    """A machine's RPO: the one definition, for REST and for the series."""
    return rpo_samples.measure(*instants(status), now)


def instants(status: StatusRecord) -> tuple[datetime | None, datetime | None, datetime | None]:
    """The instants of the newest usable point, and of what was last sent and processed."""
    sent_at = status.source.sent_at if status.source else None
    processed_at = status.replica.processed_at if status.replica else None
    return recoverable_at(status), sent_at, believed_at(status, processed_at)


@IdentityCache
def newest_point(replica: ReplicaStatus) -> PointShape | None:
    """The point that arrived last, of those that are not damaged: no failover starts from another."""
    newest = max(replica.points, key=_order, default=None)
    if newest is None or not newest.damaged:
        return newest
    return max((each for each in replica.points if not each.damaged), key=_order, default=None)


_order = attrgetter("epoch", "seq")


def newest_point_at(status: StatusRecord) -> datetime | None:
    """The instant of the newest point (UTC)."""
    newest = newest_point(status.replica) if status.replica else None
    return newest.taken_at if newest else None


def by_figures(status: StatusRecord) -> tuple[datetime | None, ...]:
    """All that findings take from the figures of a status, but for those of a record that is behind."""
    return (recoverable_at(status), believed_at(status, newest_point_at(status)), lost_at(status))


def lost_at(status: StatusRecord) -> datetime | None:
    """The instant of the newest point of a machine whose points are all damaged: since then, at the earliest,
    there is none. None if one is whole, or there never was one."""
    points = status.replica.points if status.replica else ()
    if not points or newest_point_at(status) is not None:
        return None
    return believed_at(status, max(points, key=_order).taken_at)


def recoverable_at(status: StatusRecord) -> datetime | None:
    """The instant of the newest usable point. A machine that is off changes nothing, so a point of what was
    sent last is as new as the machine itself: unless it is damaged, or the target has less."""
    newest, source, replica = believed_at(status, newest_point_at(status)), status.source, status.replica
    if newest is None or source is None or replica is None or source.power != "off" or not source.sent_at:
        return newest
    last = max(replica.points, key=_order)
    has_all = source.last_seq is not None and source.last_seq <= max(last.seq, replica.processed_seq or 0)
    return newest if last.damaged or not has_all else max(newest, source.sent_at)


def believed_at(status: StatusRecord, said: datetime | None) -> datetime | None:
    """The instant of a point as its target reports it; if that was in the future when it was reported, also
    by the source's clock, the instant of what the source sent last."""
    if said is None or status.replica_at is None:
        return said
    sent_at = status.source.sent_at if status.source else None
    ahead = sent_at - status.source_at if sent_at and status.source_at else timedelta()
    possible = status.replica_at + max(ahead, timedelta()) + LATE_CLOCKS
    last = sent_at or status.replica_at
    return said if said <= max(possible, last) else last
