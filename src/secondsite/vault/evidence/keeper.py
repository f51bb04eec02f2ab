"""Finds failovers and drills that have ended, and keeps evidence of each once: with its entry in the audit log, in one transaction.

Whoever is killed before it finds the same again, after it that it is kept; several processes come one at a time.
"""

import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from ...domain.access import evidence
from ...domain.access.chain import Entry, Outcome
from ...domain.lifecycle import Verb
from ...ground.periodic import Periodic
from ...jobs.model.views import JobView
from ...jobs.storage import read
from .. import ports
from . import document

log = structlog.get_logger()

LOOK_SECONDS = 10.0
LOOKED_BACK = timedelta(days=90)
"""As long as jobs are kept."""
LOCK = "evidence"
KEPT = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER})
WHO = "secondsite"


class Keeper(Periodic):
    def __init__(self, store: ports.Store, vault: str, now: Callable[[], datetime]) -> None:
        super().__init__("evidence", lambda error: log.error("evidence.not-kept", exc_info=error), 0.1)
        self._store = store
        self._vault = vault
        self._now = now
        self._lock = threading.Lock()
        self._changed: set[str] | None = None
        """None: any job may have."""
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

    def _ended(self, tx: ports.Transaction, changed: set[str] | None) -> Sequence[JobView]:
        if changed is None:
            return read.ended_since(tx.session, self._now() - LOOKED_BACK)
        return read.ended_among(tx.session, sorted(changed))

    def _keep(self, job: JobView) -> None:
        with self._store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            there = read.find(tx.session, job.id)
            if (
                there is None
                or there.attempt != job.attempt
                or not there.state.ended
                or not _new(tx, [there])
            ):
                return
            record = self._record(tx, there)
            tx.evidence.add(record)
        log.info("evidence.kept", job=job.id, sha256=record.sha256, number=record.number)

    def _record(self, tx: ports.Transaction, job: JobView) -> ports.EvidenceRecord:
        tree = read.tree(tx.session, job.id)
        told = document.document(tx, tree, self._vault)
        sha256 = evidence.digest_of(told)
        number = tx.audit.append(self._entry(job, sha256)).number
        return ports.EvidenceRecord(
            id=_id(job), job_id=job.id, verb=document.verb_of(job), subject=job.subject_name, state=job.state.value,
            requested_by=job.requested_by, ended_at=job.ended_at or self._now(),
            sites=tuple(_sites(tx, each.job) for each in document.of_machines(tree)),
            sha256=sha256, number=number, document=evidence.text_of(told),
        )  # fmt: skip

    def _entry(self, job: JobView, sha256: str) -> Entry:
        return Entry(
            at=self._now(), who=WHO, token_id="", address="", verb=evidence.RECORDED,
            object=f"/evidence/{_id(job)}", outcome=Outcome.DONE, job_id=job.id,
            details=json.dumps({"sha256": sha256}),
        )  # fmt: skip


def _id(job: JobView) -> str:
    return f"{job.id}-{job.attempt}"


def _new(tx: ports.Transaction, jobs: Sequence[JobView]) -> Sequence[JobView]:
    wanted = [each for each in jobs if document.verb_of(each) in KEPT]
    there = tx.evidence.known([_id(each) for each in wanted])
    return [each for each in wanted if _id(each) not in there]


def _sites(tx: ports.Transaction, job: JobView) -> tuple[str, ...]:
    """Empty if its machine is gone: then only who sees the whole vault sees it."""
    machine = tx.machines.by_id(job.subject or "")
    return () if machine is None else (machine.source_site, machine.target_site)
