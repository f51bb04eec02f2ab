"""What of the statuses is written when: an urgent change (change_filter) at once, everything else, and the figures of all machines,
together every 20 seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...wire.control.statuses import ReplicaStatus
from .. import ports
from .clocks import CODE, Clocks
from .heard import Heard, Key, Marks, Seen

WRITE_EVERY = timedelta(seconds=20)
WRITE_AT_WORK_EVERY = timedelta(seconds=5)
"""Of machines that a job has: its steps go by what is written."""
ONE_AT_A_TIME = "statuses"
"""Vault processes that write many machines would lock each other out."""


@dataclass(frozen=True, slots=True)
class Due:
    """`whole`: to be written with figures, of the `urgent` not more than what changed."""

    urgent: Mapping[Key, Seen]
    whole: Mapping[Key, Seen]

    @property
    def appliances(self) -> set[str]:
        """Those that said it."""
        return {seen.by for seen in (*self.urgent.values(), *self.whole.values())}

    def of(self, appliance_ids: Collection[str]) -> Due:
        """What others said is for the vault processes that they are connected to."""
        urgent = {key: seen for key, seen in self.urgent.items() if seen.by in appliance_ids}
        return Due(urgent, {key: seen for key, seen in self.whole.items() if seen.by in appliance_ids})

    def among(self, machine_ids: Collection[str]) -> Due:
        """Of these machines."""
        urgent = {key: seen for key, seen in self.urgent.items() if key[0] in machine_ids}
        return Due(urgent, {key: seen for key, seen in self.whole.items() if key[0] in machine_ids})

    def __bool__(self) -> bool:
        return bool(self.urgent or self.whole)


class StatusWriting:
    """Belongs to one thread."""

    def __init__(self, store: ports.Store, heard: Heard, clocks: Clocks) -> None:
        self._store = store
        self._heard = heard
        self._clocks = clocks
        self._to_look_at: set[Key] = set()
        self._written_at: dict[str, datetime] = {}

    def look_at(self, keys: Iterable[Key]) -> None:
        """More than their figures may have changed."""
        self._to_look_at.update(keys)

    def due(self, now: datetime) -> Due:
        seen = {key: found for key in self._to_look_at if (found := self._found(key)) is not None}
        urgent = {key: each for key, each in seen.items() if each.changed_urgently}
        return Due(urgent, self._whole(now))

    def everything(self, appliance_id: str | None = None) -> Due:
        """That the store does not hold yet, of this appliance or of all."""
        seen = {key: self._marked(seen) for key, seen in self._heard.all().items() if seen.is_news}
        return Due({}, {key: each for key, each in seen.items() if appliance_id in (None, each.by)})

    def write(self, tx: ports.Transaction, due: Due) -> Due:
        """Documents that changed, with their points and figures; of the others points that changed, and figures. Gives what was
        written: nothing of a machine that is protected no more."""
        if not due:
            return due
        named = sorted({key[0] for key in (*due.urgent, *due.whole)})
        due = due.among({machine.id for machine in tx.machines.places(named)})
        every = {**due.urgent, **due.whole}
        documents = {key: seen for key, seen in every.items() if seen.changed_document}
        points = [seen.status for key, seen in every.items() if key not in documents and seen.changed_points]
        figures = [seen for key, seen in due.whole.items() if key not in documents]
        tx.one_at_a_time(ONE_AT_A_TIME)
        tx.statuses.put([(seen.status, seen.at) for seen in documents.values()])
        tx.statuses.put_points([each for each in points if isinstance(each, ReplicaStatus)])
        tx.statuses.put_figures([(seen.status, seen.at) for seen in figures])
        return due

    def wrote(self, due: Due) -> None:
        """It is durable."""
        self._heard.wrote({**due.urgent, **due.whole}, due.whole)
        self._to_look_at.clear()

    def _whole(self, now: datetime) -> Mapping[Key, Seen]:
        """All now and then, more often machines at work."""
        if self._is_time("all", WRITE_EVERY, now):
            return self.everything().whole
        if self._is_time("at work", WRITE_AT_WORK_EVERY, now):
            with self._store.reading() as tx:
                at_work = {machine.id for machine in tx.machines.places() if machine.job_id is not None}
            if at_work:
                return {key: seen for key, seen in self.everything().whole.items() if key[0] in at_work}
        return {}

    def _is_time(self, what: str, every: timedelta, now: datetime) -> bool:
        # abs: the clock may have been set back
        at = self._written_at.get(what)
        if at is not None and abs(now - at) < every:
            return False
        self._written_at[what] = now
        return True

    def _found(self, key: Key) -> Seen | None:
        seen = self._heard.find(*key)
        return None if seen is None else self._marked(seen)

    def _marked(self, seen: Seen) -> Seen:
        """With what the vault adds: of clocks that differ."""
        said = self._clocks.marked(seen.by, seen.status)
        if said is seen.status:
            return seen
        marks = Marks(hash((seen.marks.urgent, CODE)), hash((seen.marks.document, CODE)), seen.marks.points)
        return dataclasses.replace(seen, status=said, marks=marks)
