"""Which jobs have ended: what the engine tells of jobs is remembered until the next look. A vault that starts, or that may have missed
something, looks at all that have ended lately."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ...domain.notices import happenings
from ...domain.notices.happenings import Happening, Kind
from ...ground.job_states import JobState
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ...jobs.storage.database import Session

LOOKED_BACK = timedelta(days=3)
REMEMBERED = 10_000


class JobEnds:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: set[str] | None = None
        """None: any may have."""

    def hear(self, job_id: str | None) -> None:
        with self._lock:
            if job_id is None or self._changed is None or len(self._changed) >= REMEMBERED:
                self._changed = None
            else:
                self._changed.add(job_id)

    def take(self) -> frozenset[str] | None:
        """What has changed since the last time; None: any job may have."""
        with self._lock:
            taken, self._changed = self._changed, set()
            return None if taken is None else frozenset(taken)

    def give_back(self, taken: frozenset[str] | None) -> None:
        """It could not be looked at."""
        with self._lock:
            self._changed = None if taken is None or self._changed is None else {*self._changed, *taken}


def ended(session: Session, changed: frozenset[str] | None, lived: datetime) -> Sequence[JobView]:
    """Of these, or of all, those that have ended, but not the parts of other jobs."""
    if changed is None:
        return read.ended_since(session, lived - LOOKED_BACK)
    return read.ended_among(session, sorted(changed)) if changed else ()


def verb_of(job: JobView) -> str:
    """What people know it as."""
    return str(job.arguments.get("verb") or job.name)


def happening(job: JobView, at: datetime) -> Happening:
    verb = verb_of(job)
    return Happening(
        Kind.JOB, verb, happenings.job_severity(verb, job.state), job.subject_name or verb, " ".join(_said(job)), at,
        do=job.error.do if job.error else "", about_id=job.subject, job_id=job.id,
    )  # fmt: skip


def _said(job: JobView) -> Iterator[str]:
    what = "partly succeeded" if job.state is JobState.PARTIALLY_SUCCEEDED else job.state.value
    yield f"{verb_of(job)} {what} (job {job.id}, asked for by {job.requested_by})."
    if job.error is not None:
        yield job.error.message
    elif job.result:
        yield job.result
