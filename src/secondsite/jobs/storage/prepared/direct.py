"""A transaction of SQLite's driver itself, on a connection of SQLAlchemy's pool.

To open a connection, to begin, to commit and to give it back takes SQLAlchemy five times as long as SQLite, and most transactions are one
question. What needs SQLAlchemy's connection gets it, in the same transaction. Whoever listens to an engine's beginnings and commits hears
of all: then it goes through SQLAlchemy.
"""

import sqlite3
import weakref
from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import PoolProxiedConnection

from .statement import run_on

Begin = Callable[[PoolProxiedConnection, bool], None]
"""Takes the connection, and whether the transaction only reads."""
_BEGINNINGS: weakref.WeakKeyDictionary[object, Begin] = weakref.WeakKeyDictionary()
_BEGUN = "secondsite_begun"
READS_ONLY = "secondsite_read_only"


def offer(db: Engine, begin: Begin) -> None:
    """Transactions of this engine may be the driver's; the only listener to its beginnings calls `begin` as well."""
    _BEGINNINGS[db.pool] = begin


def has_begun(connection: Connection) -> bool:
    """The driver's transaction goes on as SQLAlchemy's."""
    info = connection.connection.record_info
    return info is not None and info.pop(_BEGUN, False)


def opened(db: Engine) -> "Direct | None":
    """None where a transaction has to be SQLAlchemy's."""
    begin = _BEGINNINGS.get(db.pool)
    heard = db.dispatch
    if begin is None or len(heard.begin) > 1 or heard.commit or heard.rollback:
        return None
    return Direct(db, begin)


class Direct:
    """For one thread; the transaction begins with the first statement."""

    def __init__(self, db: Engine, begin: Begin) -> None:
        self._db = db
        self._begin = begin
        self._line: PoolProxiedConnection | None = None

    @property
    def driver(self) -> sqlite3.Connection:
        if self._line is None:
            line = self._db.pool.connect()
            try:
                self._begin(line, bool(self._db.get_execution_options().get(READS_ONLY)))
            except BaseException:
                line.close()
                raise
            self._line = line
        driver = self._line.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver

    def connection(self) -> Connection:
        """SQLAlchemy's, which takes the transaction over: `begin` it, and leave this."""
        if self._line is None:
            return self._db.connect()
        assert self._line.record_info is not None  # only a connection that has left its pool has none
        self._line.record_info[_BEGUN] = True
        return Connection(self._db, connection=self._line)

    def commit(self) -> None:
        if self._line is not None:
            run_on(self.driver, "COMMIT")

    def rollback(self) -> None:
        if self._line is not None and self.driver.in_transaction:
            run_on(self.driver, "ROLLBACK")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
