"""Replication groups: machines whose disks belong together, with recovery points of one common instant.

A common point is a *set*: one point of each member, all with the same set id. A set counts only if every
member has its point; a member may lack it because its cycle never arrived, or because retention deleted it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..ground.units import DAY
from . import errors
from .points import Consistency, RecoveryPoint

MOST_MEMBERS = 16
"""The most machines that are known to be paused together within the time budget of a common point."""
INSTANT = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class ReplicationGroup:
    """A replication group. `multi_vm_every_seconds` is the time from one common point to the next.
    `app_consistent`: common points with all guests' file systems frozen are made as often as the members'
    policies ask for app-consistent points."""

    name: str
    source_site: str
    target_site: str
    multi_vm_every_seconds: int = 60
    app_consistent: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise errors.InvalidArgument(
                f"'{self.name}' cannot be the name of a group.", do="Use a-z, 0-9 and '-', at most 63."
            )
        if self.source_site == self.target_site:
            raise errors.InvalidArgument("A group needs two different sites.")
        if not 5 <= self.multi_vm_every_seconds <= DAY:
            raise errors.InvalidArgument(
                f"Group '{self.name}': multi_vm_every_seconds is {self.multi_vm_every_seconds}.",
                do=f"Choose a value from 5 to {DAY} seconds.",
            )


def set_id(group: str, instant: datetime) -> str:
    """The id that all points of one common instant (UTC) carry."""
    return f"{group}-{instant.astimezone(UTC).strftime(INSTANT)}"


def instant_of(group: str, value: object) -> datetime | None:
    """The instant from which `set_id` made this id for the group; None if it is not such an id."""
    try:
        instant = datetime.strptime(str(value).removeprefix(f"{group}-"), INSTANT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return instant if value == set_id(group, instant) else None


def newest_set(members: Mapping[str, Sequence[RecoveryPoint]], app_consistent: bool = False) -> str | None:
    """The id of the newest set of which every member has its point; None when there is none.

    `members` gives each machine's points. With `app_consistent` each point of the set must be app-consistent.
    The newest is found by order of arrival, not by clocks; all machines of a group get their sets in the same
    order.
    """
    if not members:
        return None
    parts = [_sets(points, app_consistent) for points in members.values()]
    common = set(parts[0]).intersection(*parts[1:])
    return max(common, key=lambda each: parts[0][each], default=None)


def _sets(points: Sequence[RecoveryPoint], app_consistent: bool) -> dict[str, tuple[int, int]]:
    """Set id → place in the order of arrival, for points that can be started from."""
    return {
        point.set_id: (point.epoch, point.seq)
        for point in points
        if point.set_id is not None
        and not point.committed
        and not point.damaged
        and (not app_consistent or point.consistency is Consistency.APP)
    }
