"""A board: all machines and jobs as rows, as one who looks sees them, and in which order they changed last.

Whoever follows it holds nothing but a number. So a slow follower costs no memory, and the text of a batch is
written once for all who have the same number.
"""

import json
import uuid
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from .....wire.rest.glance.job_rows import JOB_COLUMNS, JobRow
from .....wire.rest.glance.live import LiveKind
from .....wire.rest.glance.machine_rows import MACHINE_COLUMNS, MachineRow
from ....fleet.statuses.recent import Recent

MOST_GONE, MOST_JOBS, MOST_THINGS = 20_000, 5_000, 1_000
JOBS_AT_WORK = 500
"""How many jobs in progress a follower is told at first."""
KEPT_TEXTS = 20
FRESH = timedelta(seconds=2)


class Thing(NamedTuple):
    """Something that is not on the board, only that it has changed."""

    kind: str
    id: str | None


class WrittenRow(NamedTuple):
    """A row, and its JSON."""

    row: MachineRow
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a follower that was told everything up to `since` is sent, and the mark after which it goes on."""

    kind: LiveKind
    since: str | None
    mark: str
    at: datetime
    text: str

    def is_fresh(self, now: datetime) -> bool:
        """Whether its time is still about right: whoever shows it counts ages from there."""
        return abs(now - self.at) < FRESH


@dataclass(slots=True)
class Board:
    """Not safe from several threads."""

    life: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    number: int = 0
    """The number of the last change."""
    machines: Recent[str, WrittenRow] = field(default_factory=Recent)
    gone: Recent[str, None] = field(default_factory=lambda: Recent(MOST_GONE))
    jobs: Recent[str, JobRow] = field(default_factory=lambda: Recent(MOST_JOBS))
    things: Recent[Thing, None] = field(default_factory=lambda: Recent(MOST_THINGS))
    answers: dict[Hashable, str] = field(default_factory=dict)
    """What was made of the board as it was looked at last, for all who ask meanwhile: replaced by an empty
    one when that no longer counts."""
    _texts: dict[tuple[int | None, int], Batch] = field(default_factory=dict)

    def show(self, rows: Iterable[MachineRow]) -> None:
        """These are the rows of these machines now."""
        for row in rows:
            known = self.machines.get(row.id)
            if known is not None and (known.row is row or known.row == row):
                continue
            self.machines.put(row.id, WrittenRow(row, written(row)), self.number + 1)
            self.gone.drop(row.id)

    def remove(self, machine_ids: Iterable[str]) -> None:
        for machine_id in machine_ids:
            if self.machines.get(machine_id) is not None:
                self.machines.drop(machine_id)
                self.gone.put(machine_id, None, self.number + 1)

    def show_jobs(self, rows: Iterable[JobRow]) -> None:
        for row in rows:
            if self.jobs.get(row.id) != row:
                self.jobs.put(row.id, row, self.number + 1)

    def show_things(self, things: Iterable[Thing]) -> None:
        for each in things:
            self.things.put(each, None, self.number + 1)

    def settle(self) -> None:
        """What was shown since the last time is one change."""
        newest = max(each.newest for each in (self.machines, self.gone, self.jobs, self.things))
        if newest > self.number:
            self.number, self.answers = newest, {}

    def rows(self) -> Sequence[MachineRow]:
        return [each.row for each in self.machines.values()]

    def mark(self) -> str:
        return self._mark(self.number)

    def _mark(self, number: int) -> str:
        return f"{self.life}-{number}"

    def number_of(self, mark: str | None) -> int | None:
        """The number of a mark; None if what has changed since is not known."""
        life, _, text = (mark or "").rpartition("-")
        number = int(text) if text.isdecimal() and len(text) < 20 else -1
        return number if life == self.life and self.knows(number) else None

    def knows(self, number: int) -> bool:
        """Whether everything is known that has changed after that number."""
        known_from = max(each.known_from for each in (self.gone, self.jobs, self.things))
        return known_from <= number <= self.number

    def batch(self, since: int | None, now: datetime) -> Batch:
        """What has changed after that number; everything for None, or for a number that is not known."""
        since = since if since is not None and self.knows(since) else None
        key = since, self.number
        found = self._texts.get(key)
        if found is None or not found.is_fresh(now):
            if len(self._texts) >= KEPT_TEXTS:
                self._texts.clear()
            found = self._texts[key] = self._made(since, now)
        return found

    def _made(self, since: int | None, now: datetime) -> Batch:
        head: dict[str, object] = {"at": now.isoformat(), "mark": self.mark()}
        rows: Iterable[WrittenRow] = self.machines.values()
        rest: Mapping[str, Sequence[object]] = {"jobs": at_work(self.jobs.values())}
        if since is None:
            head |= {"machine_columns": MACHINE_COLUMNS, "job_columns": JOB_COLUMNS}
        else:
            rows, rest = self.machines.since(since).values(), self._others_since(since)
        text = f'{written(head)[:-1]},"machines":[{",".join(each.text for each in rows)}],{written(rest)[1:]}'
        kind = LiveKind.WHOLE if since is None else LiveKind.CHANGES
        return Batch(kind, None if since is None else self._mark(since), self.mark(), now, text)

    def _others_since(self, since: int) -> Mapping[str, Sequence[object]]:
        return {
            "gone": [*self.gone.since(since)],
            "jobs": [*self.jobs.since(since).values()],
            "things": [each._asdict() for each in self.things.since(since)],
        }


def written(what: object) -> str:
    return json.dumps(what, ensure_ascii=False, separators=(",", ":"))


def at_work(jobs: Iterable[JobRow]) -> Sequence[JobRow]:
    """Those of the jobs in progress, the newest first."""
    found = sorted((each for each in jobs if not each.state.ended), key=lambda each: -each.created_at)
    return found[:JOBS_AT_WORK]
