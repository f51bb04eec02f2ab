"""Open the database as the engine needs it.

SQLite: write-ahead log with full synchronisation, foreign keys on, and every writing transaction takes the
write lock at its start. Otherwise a transaction that reads first and writes later would be refused whenever
somebody else wrote in between, and waiting would not help.

`Session` is one transaction, of the engine and of the domain's own records.
"""

import contextlib
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from .prepared import driver_transaction, run_on
from .write_turn import WriteTurn

if TYPE_CHECKING:
    import psycopg

__all__ = ["BUSY_SECONDS", "MOST_CONNECTIONS", "READ_ONLY", "Session", "beside", "connect", "give_back"]

READ_ONLY = {driver_transaction.READS_ONLY: True}
BUSY_SECONDS = 20.0
POOLED, MORE = 10, 19
MOST_CONNECTIONS = POOLED + MORE + 3
"""That one process has to PostgreSQL: the pool's, that of its lease, that of its listener, and one while it starts, or for a command beside
it."""
IDLE_IN_TRANSACTION_SECONDS = 5
"""A process that is stopped, or cut off, holds its locks no longer: PostgreSQL ends its transaction."""
LINE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A line that is dead is noticed, unless the URL says otherwise."""
CHECKPOINT = "wal_autocheckpoint = 4000"
"""Pages, 16 MB: what many machines change again and again is written to the database file less often."""


def connect(url: str) -> Engine:
    """An SQLAlchemy engine for `sqlite:///file` or `postgresql+psycopg://...`; nothing is opened yet."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    return _postgresql(url)


def beside(db: Engine) -> Engine:
    """One connection to the same database, for what may not wait until one of the pool's is free. SQLite has a writer at a time: there it
    is the pool itself."""
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


def _limit_idling(connection: "psycopg.Connection", _record: object) -> None:
    connection.set_autocommit(True)
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'")
    connection.set_autocommit(False)


def _sqlite(url: str) -> Engine:
    # The one that was used last first: what the others hold in memory is out of date as soon as somebody has written.
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
    """Have connections of SQLite that nobody uses let go of their pages, up to 2 MB each."""
    if db.dialect.name != "sqlite" or not isinstance(db.pool, QueuePool):
        return
    with contextlib.ExitStack() as stack:  # which is left backwards: the one that was used last is so again
        for _ in range(db.pool.checkedin()):
            # Jobs may have taken them meanwhile: to wait for one, with the others in hand, held up all for half a minute.
            if not db.pool.checkedin():
                break
            connection = stack.enter_context(contextlib.closing(db.raw_connection()))
            connection.cursor().execute("PRAGMA shrink_memory")


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", CHECKPOINT):
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
