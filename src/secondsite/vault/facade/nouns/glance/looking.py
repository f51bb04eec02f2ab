"""Brings boards up to date: a look at what was told to have changed, or at everything.

Not all that changes is told: time alone brings findings, figures change with every cycle, and appliances of
other vault processes report elsewhere. So everything is looked at now and then: at most once a second,
however many ask.
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import unquote

from .....domain.access.chain import Entry, Outcome
from .....wire.rest import EventKind
from .....wire.rest.glance.machine_rows import MachineRow
from ....fleet.statuses.latest_status import Trace
from ....health.findings import Situation
from ....store import ApplianceRecord, AuditFilter, MachineRecord, Transaction
from ....watch.situations import SituationContext
from ...parts import Parts
from ...shared import prerendered_machines
from ..events import Change, Events
from . import job_rows
from .board import JOBS_AT_WORK, Board, Thing
from .untouched import Untouched

MOST_JOBS_AT_ONCE = 500
"""How many changed jobs are read with one look; the others wait for the next."""
MOST_ENTRIES = 200
NOTHING_CHANGED = frozenset({Outcome.REFUSED, Outcome.PRUNED})
UNTOLD = frozenset({"jobs", "enroll"})
"""The first parts of paths that are on the board already, or no thing."""
FRESH = timedelta(seconds=1)
"""How long a look at everything counts: consoles show a change within a second, and twenty of them in a
minute made as many looks."""


@dataclass(slots=True)
class Looked:
    """A board, and up to where its sources were read. Safe from any thread within `lock`."""

    board: Board = field(default_factory=Board)
    untouched: Untouched = field(default_factory=Untouched)
    lock: threading.Lock = field(default_factory=threading.Lock)
    events: str | None = None
    statuses: int = 0
    entries: int = 0
    whole_at: datetime | None = None
    appliances: Mapping[str, ApplianceRecord] = field(default_factory=dict)
    jobs: dict[str, None] = field(default_factory=dict)
    """Jobs that have changed and were not read yet."""


def look(looked: Looked, parts: Parts, events: Events, *, whole: bool = False) -> None:
    """Bring the board up to date with what has changed since the last look; with `whole`, and at first, with
    everything that is older than a second, or than the last change by a person. Raises StoreUnavailable: then
    nothing counts as read."""
    mark = events.mark_now()
    changes = events.missed(looked.events) if looked.events else ()
    statuses, reported = parts.facts.changed_after(looked.statuses)
    is_first = looked.events is None or any(change.kind is EventKind.RESET for _, change in changes)
    if is_first:
        looked.board, looked.untouched, looked.jobs = Board(), Untouched(), {}
    with parts.store.reading() as tx:
        _look_at_jobs(looked, parts, tx, [change for _, change in changes], is_first)
        entries = _look_at_entries(looked, parts, tx, is_first)
        appliances = _appliances(parts, tx)
        changed = [] if is_first else [*_changed(looked, appliances)]
        looked.board.show_things(changed)
        is_due = entries != looked.entries or not _is_fresh(looked, parts.now())
        if is_first or changed or (whole and is_due):  # an appliance that goes: all its machines' findings
            looked.whole_at, looked.board.answers = None, {}
            at = parts.now()
            look_at_all(looked, parts, tx)
            looked.whole_at = at
        else:
            ids = {*reported, *_told(changes), *_subjects(looked.board, changes)}
            _look_at_some(looked, parts, tx, ids)
    looked.board.settle()
    if entries != looked.entries:
        looked.board.answers = {}
    looked.events, looked.statuses, looked.entries, looked.appliances = mark, statuses, entries, appliances


def _is_fresh(looked: Looked, now: datetime) -> bool:
    return looked.whole_at is not None and abs(now - looked.whole_at) < FRESH


def _told(changes: Iterable[tuple[int, Change]]) -> Iterator[str]:
    return (change.id for _, change in changes if change.kind is EventKind.MACHINE)


def _subjects(board: Board, changes: Iterable[tuple[int, Change]]) -> Iterator[str]:
    """The machines of the changed jobs: a job changes its machine too."""
    for _, change in changes:
        job = board.jobs.get(change.id) if change.kind is EventKind.JOB else None
        if job is not None and job.machine_id:
            yield job.machine_id


def look_at_all(looked: Looked, parts: Parts, tx: Transaction) -> None:
    found = tx.machines.list(parts.caller.grant.site)
    _show(looked, parts, tx, found)
    _remove(looked, set(looked.board.machines) - {each.id for each in found})


def _look_at_some(looked: Looked, parts: Parts, tx: Transaction, ids: Collection[str]) -> None:
    if not ids:
        return
    found = [
        each for each in tx.machines.several(sorted(ids)) if parts.sees(each.source_site, each.target_site)
    ]
    _show(looked, parts, tx, found)
    _remove(looked, set(ids) - {each.id for each in found})


def _show(looked: Looked, parts: Parts, tx: Transaction, found: Sequence[MachineRecord]) -> None:
    around = SituationContext.of(tx, parts.facts, parts.authority, parts.deps.drill_counts)
    now, traces = parts.now(), parts.facts.traces([each.id for each in found])
    same = looked.untouched.of(around, found, traces, now)
    others = [each for each in found if each.id not in same]
    looked.board.show(_row(looked, each, traces, now) for each in around.situations(tx, parts.facts, others))


def _row(looked: Looked, situation: Situation, traces: Mapping[str, Trace], now: datetime) -> MachineRow:
    row, until = prerendered_machines.row(situation, now)
    looked.untouched.note(situation.machine, traces.get(row.id), now, until)
    return row


def _remove(looked: Looked, machine_ids: Collection[str]) -> None:
    looked.untouched.drop(machine_ids)
    looked.board.remove(machine_ids)


def _look_at_jobs(
    looked: Looked, parts: Parts, tx: Transaction, changes: Sequence[Change], is_first: bool
) -> None:
    if is_first:
        looked.board.show_jobs(reversed(job_rows.at_work(parts, tx, JOBS_AT_WORK)))
        return
    looked.jobs |= dict.fromkeys(each.id for each in changes if each.kind is EventKind.JOB)
    some = list(looked.jobs)[:MOST_JOBS_AT_ONCE]
    if some:
        looked.board.show_jobs(job_rows.several(parts, tx, some))
        looked.jobs = dict.fromkeys(list(looked.jobs)[MOST_JOBS_AT_ONCE:])


def _look_at_entries(looked: Looked, parts: Parts, tx: Transaction, is_first: bool) -> int:
    """Everything that a person changes is in the audit log, whatever vault process did it; gives its last
    number that was read."""
    last = tx.audit.ends().head.number
    if is_first or last <= looked.entries:
        return last
    found = tx.audit.find(AuditFilter(oldest_first=True), MOST_ENTRIES, looked.entries)
    looked.board.show_things(dict.fromkeys(_thing(parts, each) for each in found if _is_of_a_thing(each)))
    return found[-1].number if found else last


def _is_of_a_thing(entry: Entry) -> bool:
    return entry.outcome not in NOTHING_CHANGED and _parts_of(entry)[0] not in {"", *UNTOLD}


def _thing(parts: Parts, entry: Entry) -> Thing:
    """What the entry is about; without its id for a caller who does not see the whole vault."""
    kind, name = _parts_of(entry)
    return Thing(kind, name if parts.caller.grant.site is None else None)


def _parts_of(entry: Entry) -> tuple[str, str | None]:
    kind, _, rest = entry.object.strip("/").partition("/")
    name = unquote(rest.partition("/")[0])
    return kind, name or None


def _appliances(parts: Parts, tx: Transaction) -> Mapping[str, ApplianceRecord]:
    return {each.id: _steady(each) for each in tx.appliances.list(parts.caller.grant.site)}


def _changed(looked: Looked, seen: Mapping[str, ApplianceRecord]) -> Iterator[Thing]:
    """The appliances that have changed since the last look."""
    known = looked.appliances
    for each in sorted({*seen, *known}):
        if seen.get(each) != known.get(each):
            yield Thing("appliances", each)


def _steady(appliance: ApplianceRecord) -> ApplianceRecord:
    """The appliance without what changes all the time."""
    return replace(appliance, last_seen_at=None, store_free_bytes=None, stores=(), capacity=None)
