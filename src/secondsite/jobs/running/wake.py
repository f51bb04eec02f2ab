"""Wakes sleeping workers when there is work, in this process and in the others.

A wake-up is only a hint and may be lost: workers also look by themselves every second. On PostgreSQL others hear it by
their notifications; on SQLite there is only one process.
"""

import threading
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from ..storage import sessions

CHANNEL = "secondsite_jobs"


class Bell:
    """Wakes every worker that waits. `ring` is safe from any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def ring_one(self) -> None:
        """For one more job, when the worker that rings looks for one itself: as `ring`, but only one sleeper is woken."""
        with self._condition:
            self._rung += 1
            self._condition.notify()

    @property
    def rung(self) -> int:
        """How often it rang: read it before looking for work, and give it to `wait`."""
        return self._rung

    def nudge(self) -> None:
        """Wake one worker, for one job that `meanwhile` knows of."""
        with self._condition:
            self._condition.notify()

    def wait(self, since: int, seconds: float, meanwhile: Callable[[], bool] = lambda: False) -> None:
        """Return when it has rung since `since` was read, when `meanwhile` is true at a nudge, or after `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != since or meanwhile(), timeout=seconds)

    def ring_on_commit(self, session: Session) -> None:
        """Ring, here and in the other processes, once the session's transaction has committed."""
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"NOTIFY {CHANNEL}"))
        sessions.after_commit(session, lambda _session: self.ring())
