"""What runs took: a few small rows of each machine."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from ....domain.lifecycle import Verb
from ....domain.prediction.predicting import LAST
from ....jobs.storage.prepared import Prepared
from ... import ports
from .. import rows
from .tables import run_times

_OF_JOB = Prepared(select(run_times).where(run_times.c.job_id == bindparam("wanted")))
KEYS = ("machine_id", "verb", "source_site", "target_site")


class SqlRunTimes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, records: Sequence[ports.RunTimeRecord]) -> None:
        there = self._known([each.job_id for each in records])
        new = [rows.row(each) for each in records if each.job_id not in there]
        if new:
            self._session.execute(insert(run_times), new)
            self._trim([each.machine_id for each in records])

    def of_machines(
        self, machine_ids: Collection[str], verbs: Collection[Verb] = tuple(Verb)
    ) -> Sequence[ports.RunTimeRecord]:
        found: list[ports.RunTimeRecord] = []
        for part in rows.parts(sorted(machine_ids)):
            query = select(run_times).where(run_times.c.machine_id.in_(part), run_times.c.verb.in_(verbs))
            found += rows.many(self._session, ports.RunTimeRecord, query)
        return sorted(found, key=lambda each: each.ended_at, reverse=True)

    def between(self, source_site: str, target_site: str, limit: int) -> Sequence[ports.RunTimeRecord]:
        of = run_times.c
        query = select(run_times).where(of.source_site == source_site, of.target_site == target_site)
        newest = query.order_by(of.ended_at.desc(), of.job_id).limit(limit)
        return rows.many(self._session, ports.RunTimeRecord, newest)

    def of_job(self, job_id: str) -> ports.RunTimeRecord | None:
        found = _OF_JOB.one(self._session, {"wanted": job_id})
        return None if found is None else ports.RunTimeRecord(**found)

    def _known(self, job_ids: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for part in rows.parts(job_ids):
            query = select(run_times.c.job_id).where(run_times.c.job_id.in_(part))
            found.update(self._session.execute(query).scalars())
        return frozenset(found)

    def _trim(self, machine_ids: Sequence[str]) -> None:
        of = run_times.c
        place = func.row_number().over(
            partition_by=[of[key] for key in KEYS], order_by=(of.ended_at.desc(), of.job_id)
        )
        for part in rows.parts(sorted(set(machine_ids))):
            placed = select(of.job_id, place.label("place")).where(of.machine_id.in_(part)).subquery()
            old = select(placed.c.job_id).where(placed.c.place > LAST)
            self._session.execute(delete(run_times).where(of.job_id.in_(old)))
