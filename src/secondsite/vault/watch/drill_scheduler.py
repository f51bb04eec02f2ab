"""Drills that are due are started, one for each site at a time; what is in the way is kept with the schedule, for people."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ...domain import errors
from ...domain.drills import schedules
from ...ground.periodic import Periodic
from ...jobs.storage import read
from ..fleet.status_intake import StatusIntake
from ..steps.deps import Deps
from ..store import DrillScheduleRecord, Transaction
from .drill_start import LOCK, Starting

log = structlog.get_logger()
EVERY_SECONDS = 30.0
HEARS_FOR = timedelta(seconds=60)
"""After its start a vault does not yet know how machines are."""


class DrillScheduler(Periodic):
    """See the module."""

    def __init__(self, deps: Deps, starting: Starting, facts: StatusIntake) -> None:
        super().__init__("drills", lambda error: log.error("drills.failed", exc_info=error))
        self._deps = deps
        self._starting = starting
        self._facts = facts

    def look(self) -> None:
        """One round. Of several vaults each looks; whoever comes second finds that the turn is over."""
        now = self._deps.now()
        if now < self._facts.listens_since + HEARS_FOR:
            return
        with self._deps.store.reading() as tx:
            names = [each.name for each in _due(tx, now)]
        for name in names:
            try:
                with self._deps.store.transaction() as tx:
                    tx.one_at_a_time(LOCK)
                    self._turn(tx, name, now)
            except errors.Conflict as problem:
                log.info("drills.overtaken", schedule=name, problem=problem.message)

    def _turn(self, tx: Transaction, name: str, now: datetime) -> None:
        record = next((each for each in _due(tx, now) if each.name == name), None)
        if record is None:
            return
        if schedules.is_too_far(record.schedule, record.next_at, now):
            tx.drill_schedules.put(replace(record, next_at=schedules.next_at(record.schedule, now)))
        elif not self._is_taken(tx, record):
            self._start(tx, record, now)

    def _start(self, tx: Transaction, record: DrillScheduleRecord, now: datetime) -> None:
        try:
            begun = self._starting.start_due(tx, record, by(record.name))
        except errors.Conflict:
            raise  # a job may be written already, that has not taken its machine
        except errors.SecondsiteError as problem:
            self._skip(tx, record, problem.message, now)
            return
        tx.drill_schedules.put(started(record, begun.job_id, begun.left_out, now))
        log.info("drills.started", schedule=record.name, job=begun.job_id, left_out=begun.left_out)

    def _skip(self, tx: Transaction, record: DrillScheduleRecord, why: str, now: datetime) -> None:
        """Written down when it changes: a round comes every half minute."""
        gives_up = schedules.gives_up(record.next_at, self._facts.listens_since, now)
        if gives_up:
            log.warning("drills.skipped", schedule=record.name, why=why)
        if gives_up or record.said != why:
            next_at = schedules.first_at(record.schedule, now) if gives_up else record.next_at
            tx.drill_schedules.put(replace(record, said=why, said_at=now, next_at=next_at))

    def _is_taken(self, tx: Transaction, record: DrillScheduleRecord) -> bool:
        """Another scheduled drill runs at one of its sites."""
        sites = self._starting.sites(tx, record)
        others = (each for each in tx.drill_schedules.list() if _runs(tx, each))
        return any(sites & self._starting.sites(tx, each) for each in others)

    def pause_seconds(self) -> float:
        return EVERY_SECONDS


def by(name: str) -> str:
    """Who asked for the job. No token has such a name."""
    return f"schedule {name}"


def started(record: DrillScheduleRecord, job_id: str, left_out: str, now: datetime) -> DrillScheduleRecord:
    """Its turn is over, however the job ends."""
    next_at = schedules.next_at(record.schedule, now)
    said_at = now if left_out else None
    return replace(record, job_id=job_id, started_at=now, next_at=next_at, said=left_out, said_at=said_at)


def _due(tx: Transaction, now: datetime) -> Iterator[DrillScheduleRecord]:
    """The longest due first."""
    for each in sorted(tx.drill_schedules.list(), key=lambda each: (each.next_at, each.name)):
        too_far = schedules.is_too_far(each.schedule, each.next_at, now)
        if not each.schedule.paused and (each.next_at <= now or too_far):
            yield each


def _runs(tx: Transaction, record: DrillScheduleRecord) -> bool:
    job = None if record.job_id is None else read.find(tx.session, record.job_id)
    return job is not None and not job.state.ended
