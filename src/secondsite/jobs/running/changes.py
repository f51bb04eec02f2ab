"""Tells followers that a job has changed, once the change is committed; on PostgreSQL in every process.

This is only a hint and may be lost: a follower also looks by itself now and then.
"""

import uuid
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from ..storage import changed_jobs, sessions

CHANNEL = "secondsite_job_changes"
Told = Callable[[str | None], None]
"""Takes a job's id, or None when any job may have changed. It must not block."""


class Changes:
    """The followers of jobs' changes. Safe from any thread."""

    def __init__(self) -> None:
        self._told: tuple[Told, ...] = ()
        self._origin = uuid.uuid4().hex

    def follow(self, told: Told) -> None:
        """From now on `told` is called with every change."""
        self._told = (*self._told, told)

    def tell(self, job_id: str | None) -> None:
        for told in self._told:
            told(job_id)

    def tell_on_commit(self, session: Session) -> None:
        """Tell followers of the jobs that the session's transaction touches, once it has committed."""
        if session.get_bind().dialect.name == "postgresql":
            sessions.before_commit(session, self._notify)
        sessions.after_commit(session, self._committed)

    def _committed(self, session: Session) -> None:
        for job_id in changed_jobs.noted(session):
            self.tell(job_id)

    def _notify(self, session: Session) -> None:
        """Notify the other processes when the transaction commits."""
        for job_id in sorted(changed_jobs.noted(session)):
            told = {"channel": CHANNEL, "told": f"{self._origin} {job_id}"}
            session.execute(text("SELECT pg_notify(:channel, :told)"), told)

    def heard(self, told: str | None) -> None:
        """Tell this process's followers what another process reported; None: some reports may have been
        missed. Reports of this process's own changes are ignored: its followers were told already."""
        if told is None:
            self.tell(None)
            return
        origin, _, job_id = told.partition(" ")
        if origin != self._origin:
            self.tell(job_id or told)  # a vault of an older release sends only the job's id
