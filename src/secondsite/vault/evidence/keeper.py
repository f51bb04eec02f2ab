"""Finds failovers and drills that have ended, and keeps evidence of each once: with its entry in the audit
log, in one transaction.

A vault that is killed before the transaction finds the same jobs again; if it is killed after, it finds that
their evidence is kept. Several processes take turns.
"""

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ...domain import errors
from ...domain.access import evidence
from ...domain.access.chain import Entry, Outcome
from ...domain.lifecycle import Verb
from ...ground import seams
from ...ground.periodic import Periodic
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ..store import EvidenceRecord, RecoveredRecord, Store, Transaction
from . import document
from .document import Draft
from .steps import verb_of

log = structlog.get_logger()

LOOK_SECONDS = 10.0
LOOKED_BACK = timedelta(days=90)
"""How far back jobs are looked for: as long as jobs are kept."""
LOCK = "evidence"
KEPT = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER})
WHO = "secondsite"


class Keeper(Periodic):
    def __init__(
        self, store: Store, vault: str, now: Callable[[], datetime], lived: Callable[[], datetime]
    ) -> None:
        super().__init__("evidence", lambda error: log.error("evidence.not-kept", exc_info=error), 0.1)
        self._store = store
        self._vault = vault
        self._now = now
        self._lived = lived
        self._lock = threading.Lock()
        self._changed: set[str] | None = None
        """Ids of jobs that may have changed; None: any may have."""
        self._first = True

    def hear_of_job(self, job_id: str | None) -> None:
        with self._lock:
            if job_id is None:
                self._changed = None
            elif self._changed is not None:
                self._changed.add(job_id)

    def pause_seconds(self) -> float:
        pause, self._first = 0.0 if self._first else LOOK_SECONDS, False
        return pause

    def look(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, set()
        if changed is not None and not changed:
            return
        try:
            with self._store.reading() as tx:
                jobs = _new(tx, self._ended(tx, changed))
            for each in jobs:
                self._keep(each)
        except Exception:
            self.hear_of_job(None)
            raise

    def _ended(self, tx: Transaction, changed: set[str] | None) -> Sequence[JobView]:
        if changed is None:
            return read.ended_since(tx.session, self._lived() - LOOKED_BACK)
        return read.ended_among(tx.session, sorted(changed))

    def _keep(self, job: JobView) -> None:
        with self._store.reading() as tx:
            draft = self._draft(tx, job)
        if draft is None:
            return
        seams.reach("vault.evidence.drafted")
        try:
            self._write(job, draft)
        except errors.Conflict as problem:
            log.info("evidence.overtaken", job=job.id, problem=problem.message)
            self.hear_of_job(job.id)

    def _write(self, job: JobView, draft: Draft) -> None:
        """Keep the evidence, the machines' records first: waiting for one of them with the audit log's lock
        in hand would hold up everybody, and might be waited for in turn. Raises Conflict if somebody else
        writes to one of them."""
        with self._store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            if not _stands(tx, job):
                return
            _note(tx, draft.recovered)
            number = tx.audit.append(self._entry(job, draft.sha256, _called(tx, job))).number
            tx.evidence.add(self._record(job, draft, number))
            tx.evidence.keep_pictures(_id(job), draft.pictures)
            tx.run_times.add(draft.run_times)
            seams.reach("vault.evidence.written")
        log.info("evidence.kept", job=job.id, sha256=draft.sha256, number=number)

    def _draft(self, tx: Transaction, job: JobView) -> Draft | None:
        return document.draft(tx, read.tree(tx.session, job.id), self._vault) if _stands(tx, job) else None

    def _record(self, job: JobView, draft: Draft, number: int) -> EvidenceRecord:
        return EvidenceRecord(
            id=_id(job), job_id=job.id, verb=verb_of(job), subject=job.subject_name, state=job.state.value,
            requested_by=job.requested_by, ended_at=job.ended_at or self._now(), sites=draft.sites,
            sha256=draft.sha256, number=number, document=draft.text,
        )  # fmt: skip

    def _entry(self, job: JobView, sha256: str, machines: Collection[str]) -> Entry:
        return Entry(
            at=self._now(), who=WHO, token_id="", address="", verb=evidence.RECORDED,
            object=f"/evidence/{_id(job)}", outcome=Outcome.DONE, job_id=job.id,
            details=json.dumps({"sha256": sha256, "machines": sorted({*machines})}),
        )  # fmt: skip


def _note(tx: Transaction, recovered: Mapping[str, RecoveredRecord]) -> None:
    """Note when each machine was recovered. Evidence of several jobs may come in any order: the latest
    counts."""
    for machine in tx.machines.several(sorted(recovered)):
        new, known = recovered[machine.id], machine.recovered
        if known is None or known.at < new.at:
            tx.machines.put(replace(machine, recovered=new))


def _called(tx: Transaction, job: JobView) -> Collection[str]:
    """Names of the machines that the job recovered, by which people find the entry."""
    return {each.subject_name for each in (job, *read.children_of(tx.session, job.id))}


def _id(job: JobView) -> str:
    return f"{job.id}-{job.attempt}"


def _new(tx: Transaction, jobs: Sequence[JobView]) -> Sequence[JobView]:
    wanted = [each for each in jobs if verb_of(each) in KEPT]
    there = tx.evidence.known([_id(each) for each in wanted])
    return [each for each in wanted if _id(each) not in there]


def _stands(tx: Transaction, job: JobView) -> bool:
    """Whether the job is still ended, and no evidence of that end is kept."""
    there = read.find(tx.session, job.id)
    same = there is not None and there.attempt == job.attempt and there.state.ended
    return same and bool(_new(tx, [job]))
