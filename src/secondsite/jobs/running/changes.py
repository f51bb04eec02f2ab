"""Tells followers that a job has changed, once the change is committed; on PostgreSQL in every process.

This is only a hint and may be lost: a follower also looks by itself now and then.
"""

from collections.abc import Callable

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from ..storage import touched

CHANNEL = "secondsite_job_changes"
Told = Callable[[str | None], None]
"""Takes a job's id, or None when any job may have changed. It must not block."""


class Changes:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._told: tuple[Told, ...] = ()

    def follow(self, told: Told) -> None:
        """From now on `told` is called with every change."""
        self._told = (*self._told, told)

    def tell(self, job_id: str | None) -> None:
        for told in self._told:
            told(job_id)

    def tell_on_commit(self, session: Session) -> None:
        """Tell followers of the jobs that the session's transaction touches, once it has committed."""
        if session.get_bind().dialect.name == "postgresql":
            event.listen(session, "before_commit", _notify, once=True)
        event.listen(session, "after_commit", self._committed, once=True)

    def _committed(self, session: Session) -> None:
        for job_id in touched.noted(session):
            self.tell(job_id)


def _notify(session: Session) -> None:
    """The other processes hear of it when the transaction commits."""
    for job_id in sorted(touched.noted(session)):
        session.execute(text("SELECT pg_notify(:channel, :job)"), {"channel": CHANNEL, "job": job_id})
