"""Open the database as the engine needs it.

SQLite: write-ahead log with full synchronisation, foreign keys on, and every writing transaction takes the
write lock at its start. Otherwise a transaction that reads first and writes later would be refused whenever
somebody else wrote in between, and waiting would not help.

`Session` is one transaction, of the engine and of the domain's own records.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from .prepared import driver_transaction, run_on

if TYPE_CHECKING:
    import psycopg

__all__ = ["BUSY_SECONDS", "MOST_CONNECTIONS", "READ_ONLY", "Session", "beside", "connect", "give_back"]

READ_ONLY = {driver_transaction.READS_ONLY: True}
BUSY_SECONDS = 20.0
POOLED, MORE = 10, 19
MOST_CONNECTIONS = POOLED + MORE + 3
"""The most connections that one process has to PostgreSQL: the pool's, that of its lease, that of its
listener, and one while it starts, or for a command beside it."""
IDLE_IN_TRANSACTION_SECONDS = 5
"""How long a process that is stopped or cut off can hold its locks, in seconds: then PostgreSQL ends its
transaction."""
LINE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Settings by which a dead connection is noticed, unless the URL says otherwise."""
CACHE = "cache_size = -1000"
"""In KiB, half of what is usual: ten connections each kept all that they had read."""
CHECKPOINT = "wal_autocheckpoint = 4000"
"""In pages, 16 MB: rows that many machines change again and again are written to the database file less
often."""


def connect(url: str) -> Engine:
    """An SQLAlchemy engine for `sqlite:///file` or `postgresql+psycopg://...`; nothing is opened yet."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    return _postgresql(url)


def beside(db: Engine) -> Engine:
    """An engine with one connection to the same database, for work that may not wait for a connection of the
    pool. SQLite has one writer at a time: there it is the pool itself."""
    return db if db.dialect.name == "sqlite" else _postgresql(db.url, beside=db)


def _postgresql(url: str | URL, beside: Engine | None = None) -> Engine:
    from . import pool_connections  # imported here: a vault on SQLite does without the driver's memory

    asked = {name: value for name, value in LINE.items() if name not in make_url(url).query}
    pooled, more = (POOLED, MORE) if beside is None else (1, 0)
    # After a restart of PostgreSQL the pool holds dead connections: ask each before use.
    db = create_engine(url, pool_pre_ping=True, pool_size=pooled, max_overflow=more, connect_args=asked)
    event.listen(db, "connect", _limit_idling)
    pool_connections.follow(db, beside)
    return db


def _limit_idling(connection: psycopg.Connection, _record: object) -> None:
    connection.set_autocommit(True)
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'")
    connection.set_autocommit(False)


def _sqlite(url: str) -> Engine:
    # The connection that was used last comes first: what the others hold in memory is out of date after any
    # write.
    db = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=POOLED,
        max_overflow=MORE,
        pool_use_lifo=True,
    )
    event.listen(db, "connect", _prepare)
    turn = WriteTurn(BUSY_SECONDS)
    turn.watch(db)
    event.listen(db, "begin", partial(_begin, turn))
    driver_transaction.offer(db, partial(_begin_on, turn))
    return db


def give_back(db: Engine) -> None:
    """Make unused connections to SQLite release their cached pages, up to 1 MB each."""
    if db.dialect.name != "sqlite" or not isinstance(db.pool, QueuePool):
        return
    with contextlib.ExitStack() as stack:  # given back in reverse: the connection used last stays the last
        for _ in range(db.pool.checkedin()):
            # Jobs may have taken them meanwhile: waiting for one while holding the others stopped every
            # thread for half a minute.
            if not db.pool.checkedin():
                break
            connection = stack.enter_context(contextlib.closing(db.raw_connection()))
            connection.cursor().execute("PRAGMA shrink_memory")


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", CACHE, CHECKPOINT):
        connection.execute(f"PRAGMA {setting}")


def _begin(turn: WriteTurn, connection: Connection) -> None:
    if not driver_transaction.has_begun(connection):
        _begin_on(
            turn,
            connection.connection,
            bool(connection.get_execution_options().get(driver_transaction.READS_ONLY)),
        )


def _begin_on(turn: WriteTurn, line: PoolProxiedConnection, reads_only: bool) -> None:
    if not reads_only:
        turn.take(line)
    driver = line.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    run_on(driver, "BEGIN" if reads_only else "BEGIN IMMEDIATE")


# SQLite has one writer at a time. Within this process writers take turns at a lock, which wakes the next one
# at once. SQLite itself waits by ever longer sleeps: with eight busy threads a fifth of a batch's time went
# there. Another process is still waited for in SQLite's way.

_TURN = "secondsite_write_turn"


class WriteTurn:
    """The turns of one database's writers; a turn lasts from `take` until the connection goes back to the
    pool."""

    def __init__(self, patience_seconds: float) -> None:
        self._lock = threading.Lock()
        self._patience_seconds = patience_seconds

    def watch(self, db: Engine) -> None:
        event.listen(db, "checkin", self._returned)

    def take(self, line: PoolProxiedConnection) -> None:
        """Take the turn to write. Raises OperationalError, as SQLite does, when the others write too long."""
        if not self._lock.acquire(timeout=self._patience_seconds):
            busy = sqlite3.OperationalError("database is locked")
            raise exc.OperationalError("BEGIN IMMEDIATE", {}, busy)
        info = line.record_info
        assert info is not None  # only a connection that has left its pool has none
        info[_TURN] = True

    def _returned(self, _connection: object, record: ConnectionPoolEntry) -> None:
        if record.record_info is not None and record.record_info.pop(_TURN, False):
            self._lock.release()


# One thread that runs jobs computes at a time; the others wait for their turn, not for the interpreter's
# lock. Each statement releases the interpreter's lock for some microseconds. With eight threads that want
# it, each release wakes one of them: a batch spent a quarter of its processor time in the kernel, and
# waited for threads to wake. A thread that waits for a commit lets others compute. The turn is not a lock:
# if a thread keeps it too long, because its step takes long or waits for something outside, the next in
# line takes it over.

PATIENCE_SECONDS = 0.02
"""How long a turn lasts, in seconds, until the next thread takes it over: several times what a thread
computes between two commits on a slow machine."""


class WorkTurn:
    """The turn of the threads that run jobs. Safe from any thread. Threads that never take a turn are not
    held up."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._changed = threading.Condition(threading.Lock())
        self._holding: object | None = None
        """A different object for each turn, so that no thread gives back or takes over another's turn by
        mistake."""
        self._here = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A context in which this thread has the turn."""
        if self._mine() is not None:
            yield
            return
        self._take()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def left(self) -> Iterator[None]:
        """A context in which this thread, if it has a turn, leaves it to others while it waits."""
        if self._mine() is None:
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._take()

    def _mine(self) -> object | None:
        """The turn that this thread took; another thread may have taken it over by now."""
        mine: object | None = getattr(self._here, "mine", None)
        return mine

    def _take(self) -> None:
        with self._changed:
            while (kept := self._holding) is not None:
                if not self._changed.wait(self._patience_seconds) and self._holding is kept:
                    break
            self._here.mine = self._holding = object()

    def _leave(self) -> None:
        with self._changed:
            if self._holding is self._mine():
                self._holding = None
                self._changed.notify()
            self._here.mine = None
