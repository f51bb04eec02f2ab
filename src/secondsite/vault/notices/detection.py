"""Finds what targets have to be told, and writes it down. As long as nothing changes, nothing is written."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...domain.access.approvals import Stage
from ...domain.health import Severity
from ...domain.notices import happenings, marks
from ...domain.notices.happenings import Happening, Kind
from ...domain.notices.marks import MarkChange
from ...domain.notices.targets import Jobs
from ...ground.job_states import JobState
from ...jobs.model.catalogue import Catalogue
from ...jobs.model.views import JobView
from ...jobs.running import requests
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ..store import ApprovalRecord, Notice, NoticeTargetRecord, Store, Transaction
from .findings import Findings, FindingsSnapshot

LOCK = "notices"
Targets = Sequence[NoticeTargetRecord]


@dataclass(frozen=True, slots=True)
class NoticeSnapshot:
    """The state at one round. `found` None: findings were not looked at."""

    now: datetime
    found: FindingsSnapshot | None
    jobs: Sequence[JobView]
    asked: Sequence[ApprovalRecord]


@dataclass(frozen=True, slots=True)
class News:
    """What is to be written for one target."""

    target: NoticeTargetRecord
    turns: Sequence[MarkChange]
    notices: Sequence[Notice]

    def __bool__(self) -> bool:
        return bool(self.turns or self.notices)


class Detection:
    def __init__(
        self,
        store: Store,
        findings: Findings,
        now: Callable[[], datetime],
        lived: Callable[[], datetime],
        catalogue: Catalogue,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._findings = findings
        self._now = now
        self._lived = lived
        self.ends = JobEnds()

    def look(self, targets: Targets, *, at_findings: bool) -> None:
        """One round. Raises what the store raises; then the next round finds everything again."""
        changed = self.ends.take()
        try:
            with self._store.reading() as tx:
                seen = self._seen(tx, targets, changed, at_findings)
                if not any(_news(tx, each, seen) for each in targets):
                    return
            self._write(targets, seen)
        except Exception:
            self.ends.give_back(changed)
            raise

    def _seen(
        self, tx: Transaction, targets: Targets, changed: frozenset[str] | None, at_findings: bool
    ) -> NoticeSnapshot:
        wanted = [each.target.wanted for each in targets]
        now = self._now()
        looks = at_findings and any(each.findings is not None for each in wanted)
        wants_jobs = any(each.jobs is not Jobs.NONE for each in wanted)
        asked = tx.approvals.open() if any(each.approvals for each in wanted) else ()
        return NoticeSnapshot(
            now=now,
            found=self._findings.look(tx) if looks else None,
            jobs=self._ended(tx.session, changed) if wants_jobs else (),
            asked=[each for each in asked if each.stage is Stage.ASKED and each.expires_at > now],
        )

    def _ended(self, session: Session, changed: frozenset[str] | None) -> Sequence[JobView]:
        found = ended(session, changed, self._lived())
        return [requests.job_as_advised(session, self._catalogue, job) for job in found]

    def _write(self, targets: Targets, seen: NoticeSnapshot) -> None:
        """Write the news. What each target knows is read again: another process may have looked at the same,
        or somebody may have changed a target."""
        with self._store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            present = {each.id: each for each in tx.notice_targets.list()}
            for each in targets:
                if each.id in present:
                    _put(tx, _news(tx, present[each.id], seen))


def _put(tx: Transaction, news: News) -> None:
    target_id = news.target.id
    tx.notices.put_marks(target_id, [each.mark for each in news.turns if each.mark is not None])
    tx.notices.remove_marks(target_id, [each.key for each in news.turns if each.mark is None])
    tx.notices.add(target_id, news.notices)


def _news(tx: Transaction, target: NoticeTargetRecord, seen: NoticeSnapshot) -> News:
    turns = [*_turns(tx, target, seen.found, seen.now)] if seen.found is not None else []
    told = [Notice(uuid.uuid4().hex, each.told, seen.now) for each in turns if each.told is not None]
    once = [*_jobs(target, seen), *_asked(target, seen)]
    there = tx.notices.known([each.id for each in once])
    return News(target, turns, [*told, *(each for each in once if each.id not in there)])


def _turns(
    tx: Transaction, target: NoticeTargetRecord, found: FindingsSnapshot, now: datetime
) -> Iterator[MarkChange]:
    wanted = target.target.wanted
    known = found.of_these(tx.notices.marks(target.id))
    pace = marks.Pace(now, timedelta(seconds=target.target.repeat_seconds), wanted.gone)
    present = found.wanted(wanted)
    for key in known:
        if key not in present and (key in found.findings or wanted.findings is None):
            yield MarkChange(key, None)  # no longer wanted: forgotten, even if still there
    kept = {key: known[key] for key in known if key in present or key not in found.findings}
    if wanted.findings is not None:
        yield from marks.turns(pace, kept, present)


def _jobs(target: NoticeTargetRecord, seen: NoticeSnapshot) -> Iterator[Notice]:
    for job in seen.jobs:
        at = job.ended_at or seen.now
        if at >= target.created_at and happenings.wants_job(target.target.wanted, verb_of(job), job.state):
            yield once(target, f"job {job.id} {job.attempt}", happening(job, at), seen.now)


def _asked(target: NoticeTargetRecord, seen: NoticeSnapshot) -> Iterator[Notice]:
    for each in seen.asked if target.target.wanted.approvals else ():
        told = Happening(
            Kind.APPROVAL, each.verb, Severity.WARNING, f"request {each.number}",
            f"'{each.who}' asks for {each.verb}: a second person has to grant or refuse it.", each.asked_at,
            do=f"Look at it: 'secondsite approval show {each.number}'.", until=each.expires_at,
        )  # fmt: skip
        yield once(target, f"approval {each.number}", told, seen.now)


def once(target: NoticeTargetRecord, of: str, happening: Happening, now: datetime) -> Notice:
    """A notice whose id follows from its subject: however often that is found, it is told once."""
    digest = hashlib.sha256(f"{target.id} {of}".encode()).hexdigest()
    return Notice(digest[:32], happening, now)


# Which jobs have ended: changes that the engine reports are remembered until the next round. A vault that
# starts, or that may have missed something, looks at all that have ended lately.

LOOKED_BACK = timedelta(days=3)
REMEMBERED = 10_000


class JobEnds:
    """Jobs that may have ended. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: set[str] | None = None
        """None: any job may have changed."""

    def hear(self, job_id: str | None) -> None:
        with self._lock:
            if job_id is None or self._changed is None or len(self._changed) >= REMEMBERED:
                self._changed = None
            else:
                self._changed.add(job_id)

    def take(self) -> frozenset[str] | None:
        """The ids of jobs that have changed since the last call; None: any job may have."""
        with self._lock:
            taken, self._changed = self._changed, set()
            return None if taken is None else frozenset(taken)

    def give_back(self, taken: frozenset[str] | None) -> None:
        """Put the ids back: they could not be looked at."""
        with self._lock:
            self._changed = None if taken is None or self._changed is None else {*self._changed, *taken}


def ended(session: Session, changed: frozenset[str] | None, lived: datetime) -> Sequence[JobView]:
    """Of these jobs, or of all, those that have ended, without child jobs."""
    if changed is None:
        return read.ended_since(session, lived - LOOKED_BACK)
    return read.ended_among(session, sorted(changed)) if changed else ()


def verb_of(job: JobView) -> str:
    """The name of the job for people."""
    return str(job.arguments.get("verb") or job.name)


def happening(job: JobView, at: datetime) -> Happening:
    verb = verb_of(job)
    return Happening(
        Kind.JOB, verb, happenings.job_severity(verb, job.state), job.subject_name or verb,
        " ".join(_said(job)), at,
        do=job.error.do if job.error else "", about_id=job.subject, job_id=job.id,
    )  # fmt: skip


def _said(job: JobView) -> Iterator[str]:
    what = "partly succeeded" if job.state is JobState.PARTIALLY_SUCCEEDED else job.state.value
    yield f"{verb_of(job)} {what} (job {job.id}, asked for by {job.requested_by})."
    if job.error is not None:
        yield job.error.message
    elif job.result:
        yield job.result
