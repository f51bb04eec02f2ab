"""Decides which statuses are written when: an urgent change (change_filter) soon; everything else, and the
figures of all machines, every 20 seconds; every minute if no other process reads them; every five seconds
where decisions depend on them.

What waits is noted by machine and side, and read when it is written: so it is bounded by the number of
machines, and of a machine that changes faster than the database writes only the newest status is written
(docs/design/a-thousand-machines.md).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ....domain import errors
from ....domain.health import CLOCK_SKEW
from ....wire.control.statuses import ReplicaStatus, SourceStatus
from ...health.findings import NOT_OFF, RUNS_AT_TARGET
from ...steps import lookup
from ...steps.sides import pool_addresses
from ...store import PointRows, Store, Transaction
from .clock_skew import Clocks
from .latest_status import Key, LatestStatuses, SideStatus

log = structlog.get_logger()

WRITE_EVERY = timedelta(seconds=20)
WRITE_ALONE_EVERY = timedelta(seconds=60)
"""If no other process reads the figures: only a vault that was killed needs them, until it hears its
appliances again."""
WRITE_AT_WORK_EVERY = timedelta(seconds=5)
"""For machines in a job, whose steps depend on what is written. And for sources that run although their
machine was failed over: that they were seen running since is a critical finding, which a vault that was
killed would have forgotten until it hears them again."""
ONE_AT_A_TIME = "statuses"
"""A lock: vault processes that write many machines at the same time would wait for each other."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is due. `whole`: statuses to write with figures; of the `urgent` ones only what changed."""

    urgent: Mapping[Key, SideStatus]
    whole: Mapping[Key, SideStatus]

    @property
    def appliances(self) -> set[str]:
        """The ids of the appliances that reported them."""
        return {seen.by for seen in (*self.urgent.values(), *self.whole.values())}

    @property
    def machines(self) -> list[str]:
        """The machines' ids, sorted."""
        return sorted({key[0] for key in (*self.urgent, *self.whole)})

    def of(self, appliance_ids: Collection[str]) -> Due:
        """Only what these appliances reported: the rest is for the vault processes that they are connected
        to."""
        urgent = {key: seen for key, seen in self.urgent.items() if seen.by in appliance_ids}
        return Due(urgent, {key: seen for key, seen in self.whole.items() if seen.by in appliance_ids})

    def among(self, machine_ids: Collection[str]) -> Due:
        """Only what concerns these machines."""
        urgent = {key: seen for key, seen in self.urgent.items() if key[0] in machine_ids}
        return Due(urgent, {key: seen for key, seen in self.whole.items() if key[0] in machine_ids})

    def __bool__(self) -> bool:
        return bool(self.urgent or self.whole)


NOTHING = Due({}, {})


@dataclass(frozen=True, slots=True)
class StatusWrite:
    """What was written. `rows`: of the points, by machine."""

    due: Due
    rows: Mapping[str, PointRows]


class StatusWriter:
    """Decides what is written, and writes it. Belongs to one thread."""

    def __init__(self, store: Store, heard: LatestStatuses, clocks: Clocks, figures_every: timedelta) -> None:
        self._store = store
        self._figures_every = figures_every
        self._heard = heard
        self._clocks = clocks
        self._changed: dict[Key, None] = {}
        self._figures: dict[Key, None] = {}
        self._written_at: dict[str, datetime] = {}

    @property
    def is_behind(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._changed or self._figures)

    def look_at(self, keys: Iterable[Key]) -> None:
        """More than the figures of these may have changed."""
        self._changed.update(dict.fromkeys(keys))

    def due(self, now: datetime, first: Collection[str], at_most: int) -> Due:
        """All changes of the machines that go `first`; of everything else at most so much, changes before
        figures."""
        self._figures.update(dict.fromkeys(self._time_for_figures(now)))
        urgent: dict[Key, SideStatus] = {}
        for key in sorted(self._changed, key=lambda each: each[0] not in first):
            if len(urgent) >= at_most and key[0] not in first:
                break
            seen = self._found(key)
            if seen is not None and seen.changed_urgently:
                urgent[key] = seen
            else:
                del self._changed[key]
        return Due(urgent, self._confirmed(at_most - len(urgent)))

    def _confirmed(self, at_most: int) -> Mapping[Key, SideStatus]:
        found: dict[Key, SideStatus] = {}
        for key in list(itertools.islice(self._figures, max(0, at_most))):
            seen = self._found(key)
            if seen is not None and seen.is_news:
                found[key] = seen
            else:
                del self._figures[key]
        return found

    def everything(self, appliance_id: str) -> Due:
        """Everything of this appliance that the store does not have yet."""
        theirs = {key: seen for key, seen in self._heard.all().items() if seen.by == appliance_id}
        return Due({}, {key: self._marked(seen) for key, seen in theirs.items() if seen.is_news})

    def write(self, tx: Transaction, due: Due) -> StatusWrite:
        """Write changed documents with their points and figures; of the others changed points, and figures.
        Nothing for a machine that is no longer protected."""
        if not due:
            return StatusWrite(due, {})
        due = due.among({machine.id for machine in tx.machines.places(due.machines)})
        every = {**due.urgent, **due.whole}
        documents = {key: seen for key, seen in every.items() if seen.changed_document}
        points = [
            seen.points.of(seen.status)
            for key, seen in every.items()
            if isinstance(seen.status, ReplicaStatus) and seen.changed_points
        ]
        figures = [seen for key, seen in due.whole.items() if key not in documents]
        tx.one_at_a_time(ONE_AT_A_TIME)
        tx.statuses.put_documents([(seen.status, seen.at) for seen in documents.values()])
        _recall(tx, documents.values())
        rows = tx.statuses.put_points(points)
        tx.statuses.put_figures([(seen.status, seen.at) for seen in (*documents.values(), *figures)])
        return StatusWrite(due, rows)

    def wrote(self, tried: Due, written: StatusWrite) -> None:
        """Note that it is durable, and that the rest of what was tried need not be written any more."""
        due = written.due
        self._heard.wrote({**due.urgent, **due.whole}, due.whole, written.rows)
        self.gave_up(tried)

    def gave_up(self, tried: Due) -> None:
        """Note that it is not to be written until more is reported of it, or all figures are written."""
        for key in (*tried.urgent, *tried.whole):
            self._changed.pop(key, None)
            if key in tried.whole:
                self._figures.pop(key, None)

    def _time_for_figures(self, now: datetime) -> Iterable[Key]:
        """The statuses whose figures are due: of all machines now and then, more often of machines at
        work."""
        if self._is_time("all", self._figures_every, now):
            return _side_by_side(key for key, seen in self._heard.all().items() if seen.is_news)
        if self._is_time("at work", WRITE_AT_WORK_EVERY, now):
            with self._store.reading() as tx:
                places = tx.machines.places_at_work(RUNS_AT_TARGET)
            at_work = {each.id for each in places if each.job_id is not None}
            left = {each.id for each in places if each.state in RUNS_AT_TARGET}
            if at_work or left:
                return _side_by_side(
                    key
                    for key, seen in self._heard.all().items()
                    if seen.is_news and (key[0] in at_work or (key[0] in left and _runs_at_source(seen)))
                )
        return []

    def _is_time(self, what: str, every: timedelta, now: datetime) -> bool:
        # abs: the clock may have been set back
        at = self._written_at.get(what)
        if at is not None and abs(now - at) < every:
            return False
        self._written_at[what] = now
        return True

    def _found(self, key: Key) -> SideStatus | None:
        seen = self._heard.find(*key)
        return None if seen is None else self._marked(seen)

    def _marked(self, seen: SideStatus) -> SideStatus:
        """The status with what the vault adds: a finding about a clock that differs."""
        said = self._clocks.marked(seen.by, seen.status)
        if said is seen.status:
            return seen
        before = seen.marks
        marks = dataclasses.replace(
            before,
            urgent=hash((before.urgent, CLOCK_SKEW)),
            document=hash((before.document, CLOCK_SKEW)),
        )
        return dataclasses.replace(seen, status=said, marks=marks)


def _recall(tx: Transaction, written: Iterable[SideStatus]) -> None:
    """Give a failed-over machine its addresses out of pools back, before anybody else gets them: a vault that
    was restored from before the failover does not know them. The card's MAC address decides, so they are the
    same unless another machine had them."""
    for seen in written:
        if isinstance(seen.status, ReplicaStatus) and seen.status.runs:
            machine = tx.machines.by_id(seen.status.machine_id)
            if machine is not None and lookup.is_behind(machine, seen.status):
                pool_addresses.taken(tx, machine, seen.at, needed=False)


def _runs_at_source(seen: SideStatus) -> bool:
    return isinstance(seen.status, SourceStatus) and seen.status.power in NOT_OFF


def _side_by_side(keys: Iterable[Key]) -> Iterable[Key]:
    """In the order in which the store keeps them: each transaction writes every page that it touches, so
    neighbours are written in one. With 1,000 machines in another order all of these pages were written ten
    times over, every 20 seconds."""
    return sorted(keys, key=lambda key: key[0])


def is_written(what: str, write: Callable[[], None]) -> bool:
    """Whether the write was accepted; False if the database refused the data: it would refuse them again.
    Raises StoreUnavailable."""
    try:
        write()
    except errors.StoreUnavailable:
        raise
    except Exception:
        log.exception("status.not-written", what=what)
        return False
    return True
