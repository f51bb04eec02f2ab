"""SQLite has one writer at a time. Within this process they take turns at a lock, which wakes the next one at once.

SQLite's own wait is a row of ever longer naps: with eight busy threads a fifth of the time of a batch was slept away.
Another process is still waited for in SQLite's way.
"""

import sqlite3
import threading

from sqlalchemy import Engine, event, exc
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_TURN = "secondsite_write_turn"


class WriteTurn:
    """The turns of one database's writers; from `take` until the connection goes back to the pool."""

    def __init__(self, patience_seconds: float) -> None:
        self._lock = threading.Lock()
        self._patience_seconds = patience_seconds

    def watch(self, db: Engine) -> None:
        event.listen(db, "checkin", self._returned)

    def take(self, line: PoolProxiedConnection) -> None:
        """Raises OperationalError, as SQLite does, when the others write too long."""
        if not self._lock.acquire(timeout=self._patience_seconds):
            busy = sqlite3.OperationalError("database is locked")
            raise exc.OperationalError("BEGIN IMMEDIATE", {}, busy)
        info = line.record_info
        assert info is not None  # only a connection that has left its pool has none
        info[_TURN] = True

    def _returned(self, _connection: object, record: ConnectionPoolEntry) -> None:
        if record.record_info is not None and record.record_info.pop(_TURN, False):
            self._lock.release()
