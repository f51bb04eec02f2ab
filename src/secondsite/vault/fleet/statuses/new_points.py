"""Which points of a replica the store does not have yet, so that the cost of writing a new point does not
depend on how many there are. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ....wire.control.statuses import ReplicaStatus
from ...store import PointNews


@dataclass(frozen=True, slots=True)
class Unwritten:
    """The points of a replica that are not written. `rows`: the ids of the points that the store has, and the
    numbers of their rows; None if that is not known. `came` are ids of those that are new or changed, `gone`
    of those that no longer exist."""

    rows: Mapping[str, int] | None = None
    came: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.rows is None or bool(self.came or self.gone)

    def after(self, came: Iterable[str], gone: Iterable[str]) -> "Unwritten":
        """What is not written, after one more change. Changes are not noted while everything has to be
        written anyway."""
        if self.rows is None:
            return self
        newer, left = frozenset(came), frozenset(gone)
        return dataclasses.replace(
            self, came=(self.came - left) | newer, gone=(self.gone | left & self.rows.keys()) - newer
        )

    def compared(self, before: ReplicaStatus, now: ReplicaStatus) -> "Unwritten":
        """What is not written, with all differences between two whole statuses."""
        if self.rows is None or before.points == now.points:
            return self
        known = {point.id: point for point in before.points}
        there = {point.id for point in now.points}
        return self.after(
            (point.id for point in now.points if known.get(point.id) != point), known.keys() - there
        )

    def of(self, replica: ReplicaStatus) -> PointNews:
        """The points to write."""
        return PointNews(replica.machine_id, replica.points, self.came, self.gone, self.rows)


UNKNOWN = Unwritten()
