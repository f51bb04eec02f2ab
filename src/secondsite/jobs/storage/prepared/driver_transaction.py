"""A transaction of SQLite's driver itself, on a connection of SQLAlchemy's pool.

To open a connection, to begin, to commit and to give it back takes SQLAlchemy five times as long as SQLite,
and most transactions are one question. What needs SQLAlchemy's connection gets it, in the same transaction.
Whoever listens to an engine's beginnings and commits hears of all: then it goes through SQLAlchemy.
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
    """Transactions of this engine may be the driver's; the only listener to its beginnings calls `begin`
    as well."""
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
        self._is_over = False

    @property
    def driver(self) -> sqlite3.Connection:
        assert not self._is_over, "what came now would be kept at once"
        return _driver(self._line or self.begin())

    def begin(self) -> PoolProxiedConnection:
        """Unless it has begun."""
        if self._line is None:
            line = self._db.pool.connect()
            try:
                self._begin(line, bool(self._db.get_execution_options().get(READS_ONLY)))
            except BaseException:
                line.close()
                raise
            self._line = line
        return self._line

    def connection(self) -> Connection:
        """SQLAlchemy's, which takes the transaction over: `begin` it, and leave this."""
        if self._line is None:
            return self._db.connect()
        assert not self._is_over
        assert self._line.record_info is not None  # only a connection that has left its pool has none
        self._line.record_info[_BEGUN] = True
        return Connection(self._db, connection=self._line)

    def commit(self) -> None:
        """Of one that was rolled back there is nothing left to do."""
        if self._line is not None and not self._is_over:
            run_on(_driver(self._line), "COMMIT")
            self._is_over = True

    def rollback(self) -> None:
        self._is_over = True
        if self._line is not None and _driver(self._line).in_transaction:
            run_on(_driver(self._line), "ROLLBACK")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()


def _driver(line: PoolProxiedConnection) -> sqlite3.Connection:
    driver = line.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
