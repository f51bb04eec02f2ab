"""Wakes sleeping workers when there is work, in this process and in the others.

A wake-up is only a hint and may be lost: workers also look by themselves every second. On PostgreSQL it is sent by
LISTEN/NOTIFY, which delivers when the sending transaction commits; on SQLite there is only one process.
"""

import threading

import psycopg
import structlog
from sqlalchemy import URL, Engine, event, text
from sqlalchemy.orm import Session

from ...ground import threads
from .changes import CHANNEL as CHANGED
from .changes import Changes

CHANNEL = "secondsite_jobs"
log = structlog.get_logger(__name__)


class Bell:
    """Wakes every worker that waits. `ring` is safe from any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    @property
    def rung(self) -> int:
        """How often it rang: read it before looking for work, and give it to `wait`."""
        return self._rung

    def wait(self, since: int, seconds: float) -> None:
        """Return when it has rung since `since` was read, or after `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != since, timeout=seconds)

    def ring_on_commit(self, session: Session) -> None:
        """Ring, here and in the other processes, once the session's transaction has committed."""
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"NOTIFY {CHANNEL}"))
        event.listen(session, "after_commit", lambda _session: self.ring(), once=True)


class Listener:
    """A thread that hears of other processes: rings the bell, and tells of changed jobs. Reconnects by itself."""

    def __init__(self, db: Engine, bell: Bell, changes: Changes, stopping: threading.Event) -> None:
        self._url = _plain(db.url)
        self._bell = bell
        self._changes = changes
        self._stopping = stopping
        self.thread = threads.worker("jobs-listener", self._run)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.Error as problem:
                log.warning("notifications.lost", problem=str(problem))
                self._stopping.wait(0.5)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            connection.execute(f"LISTEN {CHANGED}")
            self._bell.ring()  # something may have happened while nobody listened
            self._changes.tell(None)
            while not self._stopping.is_set():
                for note in connection.notifies(timeout=0.5, stop_after=1):
                    self._heard(note)

    def _heard(self, note: psycopg.Notify) -> None:
        if note.channel == CHANGED:
            self._changes.tell(note.payload)
        else:
            self._bell.ring()


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
