"""How long runs of machines took: kept when their jobs are deleted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Float, Index, String, Table, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from ...domain.lifecycle import Verb
from ...domain.prediction.predicting import LAST
from ...domain.prediction.timing import Part
from ...jobs.storage.prepared import PreparedStatement
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, Word, metadata


@dataclass(frozen=True, slots=True)
class RunTimeRecord:
    """The times of one run that succeeded, from `source_site` to `target_site`, in seconds. `predicted` is
    what was predicted before it."""

    job_id: str
    machine_id: str
    verb: Verb
    source_site: str
    target_site: str
    ended_at: datetime
    parts: Mapping[Part, float]
    downtime: float | None
    predicted: float | None


RUN_TIMES = Table(
    "run_times",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("verb", Word(Verb), nullable=False),
    Column("source_site", String(63), nullable=False),
    Column("target_site", String(63), nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("parts", ShapeColumn(Mapping[Part, float]), nullable=False),
    Column("downtime", Float),
    Column("predicted", Float),
    Index("ix_run_times_machine_id", "machine_id"),
    Index("ix_run_times_way", "source_site", "target_site", "ended_at"),
)


_OF_JOB = PreparedStatement(select(RUN_TIMES).where(RUN_TIMES.c.job_id == bindparam("wanted")))
KEYS = ("machine_id", "verb", "source_site", "target_site")


class RunTimes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, records: Sequence[RunTimeRecord]) -> None:
        """Add runs; existing ones stay. Of each machine, verb and direction only the newest are kept."""
        there = self._known([each.job_id for each in records])
        new = [rows.row(each) for each in records if each.job_id not in there]
        if new:
            self._session.execute(insert(RUN_TIMES), new)
            self._trim([each.machine_id for each in records])

    def of_machines(
        self, machine_ids: Collection[str], verbs: Collection[Verb] = tuple(Verb)
    ) -> Sequence[RunTimeRecord]:
        """The machines' runs of these verbs, the newest first."""
        found: list[RunTimeRecord] = []
        for part in rows.parts(sorted(machine_ids)):
            query = select(RUN_TIMES).where(RUN_TIMES.c.machine_id.in_(part), RUN_TIMES.c.verb.in_(verbs))
            found += rows.many(self._session, RunTimeRecord, query)
        return sorted(found, key=lambda each: each.ended_at, reverse=True)

    def between(self, source_site: str, target_site: str, limit: int) -> Sequence[RunTimeRecord]:
        """Runs of all machines in that direction, the newest first."""
        of = RUN_TIMES.c
        query = select(RUN_TIMES).where(of.source_site == source_site, of.target_site == target_site)
        newest = query.order_by(of.ended_at.desc(), of.job_id).limit(limit)
        return rows.many(self._session, RunTimeRecord, newest)

    def of_job(self, job_id: str) -> RunTimeRecord | None:
        found = _OF_JOB.one(self._session, {"wanted": job_id})
        return None if found is None else RunTimeRecord(**found)

    def _known(self, job_ids: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for part in rows.parts(job_ids):
            query = select(RUN_TIMES.c.job_id).where(RUN_TIMES.c.job_id.in_(part))
            found.update(self._session.execute(query).scalars())
        return frozenset(found)

    def _trim(self, machine_ids: Sequence[str]) -> None:
        of = RUN_TIMES.c
        place = func.row_number().over(
            partition_by=[of[key] for key in KEYS], order_by=(of.ended_at.desc(), of.job_id)
        )
        for part in rows.parts(sorted(set(machine_ids))):
            placed = select(of.job_id, place.label("place")).where(of.machine_id.in_(part)).subquery()
            old = select(placed.c.job_id).where(placed.c.place > LAST)
            self._session.execute(delete(RUN_TIMES).where(of.job_id.in_(old)))
