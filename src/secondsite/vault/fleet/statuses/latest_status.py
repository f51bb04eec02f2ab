"""The newest status of each side of every machine, as reported by appliances, and what of it the store does
not have yet.

An appliance reports changes relative to what it has reported before over the same connection. A status is
`current` from its first report on: what is not reported again was still so when the appliance was last heard.
After a connection ends, or a message was missed, nothing counts until it was reported whole.
"""

import dataclasses
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ....wire.common import compact
from ....wire.control import changes
from ....wire.control.statuses import ReplicaStatus, SourceStatus
from . import change_filter
from .new_points import UNKNOWN, Unwritten
from .recent import Recent

AnyStatus = SourceStatus | ReplicaStatus
Key = tuple[str, type[AnyStatus]]


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of a status: equal as long as nothing `urgent` has changed, nor anything of the `document` except
    figures and points. `points`: a mark of the points alone."""

    urgent: int
    document: int
    points: int


@dataclass(frozen=True, slots=True)
class SideStatus:
    """A status of one side of a machine, and the appliance that reported it; `written` is what the store has
    of that side."""

    status: AnyStatus
    by: str
    at: datetime
    marks: Marks
    current: bool
    turn: int = 0
    """Rises with every report about it."""
    written: Marks | None = None
    written_at: datetime | None = None
    written_turn: int = -1
    points: Unwritten = UNKNOWN
    digest: str | None = None
    """The digest of a replica's points, as its appliance reported it with the last change."""

    @property
    def is_news(self) -> bool:
        """Whether the store lacks it, or lacks that it was confirmed."""
        return (self.turn, self.at) != (self.written_turn, self.written_at)

    @property
    def changed_urgently(self) -> bool:
        return self.written is None or self.written.urgent != self.marks.urgent

    @property
    def changed_document(self) -> bool:
        return self.written is None or self.written.document != self.marks.document

    @property
    def changed_points(self) -> bool:
        return isinstance(self.status, ReplicaStatus) and bool(self.points)


Trace = tuple[SideStatus | None, SideStatus | None]
"""What was last said of both sides of a machine: the same objects as long as nothing more was said."""


class Last(NamedTuple):
    """The last status of one side of a machine, the appliance that reported it, and when it was so."""

    status: AnyStatus
    by: str
    at: datetime


class LatestStatuses:
    """The newest statuses of all machines. Filled by one thread, read by many."""

    def __init__(self) -> None:
        self._seen: dict[Key, SideStatus] = {}
        self._by: dict[str, datetime] = {}
        self._number = 0
        self._changed = Recent[str, None]()
        self._lock = threading.Lock()

    def changed_after(self, number: int) -> tuple[int, Collection[str]]:
        """The ids of machines of which more than figures was reported after that number, and the number from
        which to ask on. Figures change with every cycle, and a list shows of them only how far a pass over
        whole disks is."""
        with self._lock:
            return self._number, self._changed.since(number).keys()

    def find(self, machine_id: str, side: type[AnyStatus]) -> SideStatus | None:
        with self._lock:
            return self._as_of_now(self._seen.get((machine_id, side)))

    def sides(self, machine_ids: Iterable[str]) -> Mapping[str, tuple[Last | None, Last | None]]:
        """The last statuses of source and target of each machine. Without the lock, which nobody may hold for
        a thousand machines: each entry is one object."""
        return {
            each: (self._last((each, SourceStatus)), self._last((each, ReplicaStatus)))
            for each in machine_ids
        }

    def traces(self, machine_ids: Iterable[str]) -> Mapping[str, Trace]:
        """What was last said of both sides of each machine; without the lock, as `sides`."""
        seen = self._seen
        return {
            each: (seen.get((each, SourceStatus)), seen.get((each, ReplicaStatus))) for each in machine_ids
        }

    def all(self) -> Mapping[Key, SideStatus]:
        with self._lock:
            return {
                key: now for key, seen in self._seen.items() if (now := self._as_of_now(seen)) is not None
            }

    def from_now(self, appliance_id: str, now: datetime) -> None:
        """The appliance was heard: everything that it reported before and did not take back is still so."""
        with self._lock:
            if now < self._by.get(appliance_id, now):
                self._set_back(appliance_id, now)
            self._by[appliance_id] = now

    def end(self, appliance_id: str) -> None:
        """The appliance's connection ended, or a message of it was missed."""
        with self._lock:
            for key, seen in self._seen.items():
                if seen.by == appliance_id and seen.current:
                    self._seen[key] = self._ended(seen)

    def keep(self, appliance_id: str, status: AnyStatus, now: datetime, current: bool) -> Key:
        """Keep a status that was reported whole."""
        key: Key = (status.machine_id, type(status))
        with self._lock:
            known = self._seen.get(key)
            if isinstance(status, ReplicaStatus):
                held = known.status.points if known and isinstance(known.status, ReplicaStatus) else ()
                status = status.model_copy(update={"points": compact.points(status.points, held)})
            status = compact.kept(status)
            marks = _marks(status)
            self._seen[key] = (
                SideStatus(status, appliance_id, now, marks, current)
                if known is None
                else dataclasses.replace(
                    known,
                    status=status,
                    by=appliance_id,
                    at=now,
                    marks=marks,
                    current=current,
                    turn=known.turn + 1,
                    points=_compared(known, status, appliance_id),
                    digest=None,
                )
            )
            self._note(key)
        return key

    def figures(self, appliance_id: str, said: changes.Figures, now: datetime) -> Key | None:
        """Take over new figures; None if the status that they belong to is not known."""
        side = SourceStatus if isinstance(said, changes.SourceFigures) else ReplicaStatus
        key: Key = (said.machine_id, side)
        with self._lock:
            seen = self._base(key, appliance_id)
            if seen is None or seen.status.epoch != said.epoch:
                return None
            status = compact.kept(changes.with_figures(seen.status, said))
            self._seen[key] = dataclasses.replace(seen, status=status, at=now, turn=seen.turn + 1)
            if _synchronizes(status) or _synchronizes(seen.status):
                self._note(key)
        return key

    def change(self, appliance_id: str, said: changes.ReplicaChange, now: datetime) -> Key | None:
        """Take over a change; None if it does not follow the known status."""
        key: Key = (said.status.machine_id, ReplicaStatus)
        if said.came:
            said = said.model_copy(update={"came": compact.points(said.came)})
        with self._lock:
            seen = self._base(key, appliance_id)
            known = seen.status if seen is not None else None
            if seen is None or not isinstance(known, ReplicaStatus):
                return None
            status = changes.changed(known, said, seen.digest)
            if status is None:
                return None
            points = seen.points.after((point.id for point in said.came), said.gone)
            marks = _marks(compact.kept(status), seen)
            self._seen[key] = dataclasses.replace(
                seen,
                status=status,
                at=now,
                marks=marks,
                turn=seen.turn + 1,
                points=points,
                digest=said.digest,
            )
            self._note(key)
        return key

    def gone(self, appliance_id: str, machine_id: str, side: type[AnyStatus]) -> None:
        """The status no longer holds, and stays as it was last heard. When the machine's protection ends, the
        store may delete it."""
        with self._lock:
            seen = self._base((machine_id, side), appliance_id)
            if seen is not None:
                self._seen[machine_id, side] = dataclasses.replace(
                    self._ended(seen), written=None, points=UNKNOWN
                )

    def wrote(
        self,
        written: Mapping[Key, SideStatus],
        figures: Collection[Key],
        rows: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Note what was written. `figures`: the statuses whose figures were written too. `rows`: by machine,
        the rows of its points, where these were written."""
        with self._lock:
            for key, each in written.items():
                if key in self._seen:
                    seen = dataclasses.replace(self._seen[key], written=each.marks)
                    if key[0] in rows and isinstance(each.status, ReplicaStatus):
                        seen = dataclasses.replace(seen, points=Unwritten(rows[key[0]]))
                    self._seen[key] = (
                        dataclasses.replace(seen, written_at=each.at, written_turn=each.turn)
                        if key in figures
                        else seen
                    )

    def doubt(self, tried: Iterable[Key]) -> None:
        """Note that writing these failed: it is not known whether the store has them, since a commit may
        succeed although its reply is lost."""
        with self._lock:
            for key in tried:
                if key in self._seen:
                    self._seen[key] = dataclasses.replace(
                        self._seen[key], written=None, written_turn=-1, points=UNKNOWN
                    )

    def forget_all_but(self, machine_ids: Iterable[str]) -> None:
        keep = set(machine_ids)
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if key[0] in keep}
            for machine_id in [each for each in self._changed if each not in keep]:
                self._changed.drop(machine_id)

    def forget_said_by(self, appliance_id: str) -> None:
        """Forget an appliance's statuses: another vault process may have heard newer ones, and written
        them."""
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if seen.by != appliance_id}

    def _note(self, key: Key) -> None:
        self._number += 1
        self._changed.put(key[0], None, self._number)

    def _base(self, key: Key, appliance_id: str) -> SideStatus | None:
        """The status from which a change of this appliance is made."""
        seen = self._seen.get(key)
        return seen if seen is not None and seen.current and seen.by == appliance_id else None

    def _set_back(self, appliance_id: str, now: datetime) -> None:
        """Correct times after the vault's clock was set back: nothing was seen later than now."""
        for key, seen in self._seen.items():
            if seen.current and seen.by == appliance_id and seen.at > now:
                self._seen[key] = dataclasses.replace(seen, at=now)

    def _as_of_now(self, seen: SideStatus | None) -> SideStatus | None:
        if seen is None or not seen.current:
            return seen
        return dataclasses.replace(seen, at=self._held_at(seen))

    def _last(self, key: Key) -> Last | None:
        seen = self._seen.get(key)
        return None if seen is None else Last(seen.status, seen.by, self._held_at(seen))

    def _held_at(self, seen: SideStatus) -> datetime:
        return max(seen.at, self._by.get(seen.by, seen.at)) if seen.current else seen.at

    def _ended(self, seen: SideStatus) -> SideStatus:
        now = self._as_of_now(seen)
        assert now is not None
        return dataclasses.replace(now, current=False)


def _synchronizes(status: AnyStatus) -> bool:
    return isinstance(status, SourceStatus) and status.sync_fraction is not None


def _compared(known: SideStatus, now: AnyStatus, appliance_id: str) -> Unwritten:
    """What differs from the known status. After a report of another appliance everything counts as unwritten:
    it may have reported to other vault processes since, which wrote that."""
    if not isinstance(known.status, ReplicaStatus) or not isinstance(now, ReplicaStatus):
        return known.points
    if known.by != appliance_id:
        return UNKNOWN
    return known.points.compared(known.status, now)


def _marks(status: AnyStatus, before: SideStatus | None = None) -> Marks:
    """The marks of a status; if its points are the same as those of `before`, their mark is taken over."""
    points = 0
    rest = changes.without_figures(status)
    if isinstance(status, ReplicaStatus) and isinstance(rest, ReplicaStatus):
        has_same = (
            before is not None
            and isinstance(before.status, ReplicaStatus)
            and before.status.points is status.points
        )
        points = (
            before.marks.points if before is not None and has_same else hash(change_filter.points(status))
        )
        rest = rest.model_copy(update={"points": ()})
    return Marks(hash((change_filter.of(status), points)), hash(rest.model_dump_json()), points)
