"""Open the database as the engine needs it.

SQLite: write-ahead log with full synchronisation, foreign keys on, and every writing transaction takes the
write lock at its start. Otherwise a transaction that reads first and writes later would be refused whenever
somebody else wrote in between, and waiting would not help.

`Session` is one transaction, of the engine and of the domain's own records.
"""

import sqlite3

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

__all__ = ["BUSY_SECONDS", "READ_ONLY", "Session", "connect"]

READ_ONLY = {"secondsite_read_only": True}
BUSY_SECONDS = 20.0


def connect(url: str) -> Engine:
    """An SQLAlchemy engine for `sqlite:///file` or `postgresql+psycopg://...`; nothing is opened yet."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    # After a restart of PostgreSQL the pool holds dead connections: ask each before use.
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)


def _sqlite(url: str) -> Engine:
    db = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=10, max_overflow=20)
    event.listen(db, "connect", _prepare)
    event.listen(db, "begin", _begin)
    return db


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("secondsite_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
