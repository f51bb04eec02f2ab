"""Listens to other processes by PostgreSQL's LISTEN/NOTIFY, which delivers when the sending transaction
commits."""

import threading
from collections.abc import Callable, Mapping

import psycopg
import structlog
from sqlalchemy import URL, Engine

from ...ground import threads
from ..storage.database import LINE

log = structlog.get_logger(__name__)


class Listener:
    """A thread that listens to other processes. `receivers`, by channel, are called with each payload, and
    with None after each pause in which some may have been missed. Reconnects by itself."""

    def __init__(
        self,
        db: Engine,
        receivers: Mapping[str, Callable[[str | None], None]],
        stopping: threading.Event,
    ) -> None:
        self._url = _plain(db.url)
        self._receivers = receivers
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
        with psycopg.connect(self._url, autocommit=True) as connection:
            for channel in self._receivers:
                connection.execute(f"LISTEN {channel}")
            for receive in self._receivers.values():
                receive(None)
            while not self._stopping.is_set():
                for note in connection.notifies(timeout=0.5, stop_after=1):
                    self._receivers[note.channel](note.payload)


def _plain(url: URL) -> str:
    """The URL with the connection's timeouts, unless it sets its own."""
    plain = url.set(drivername="postgresql")
    limits = {name: str(value) for name, value in LINE.items() if name not in plain.query}
    return plain.update_query_dict(limits).render_as_string(hide_password=False)
