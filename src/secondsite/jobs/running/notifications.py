"""Hears of other processes by PostgreSQL's LISTEN/NOTIFY, which delivers when the sending transaction commits."""

import threading

import psycopg
import structlog
from sqlalchemy import URL, Engine

from ...ground import threads
from .changes import CHANNEL as CHANGED
from .changes import Changes
from .wake import CHANNEL, Bell

log = structlog.get_logger(__name__)


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
