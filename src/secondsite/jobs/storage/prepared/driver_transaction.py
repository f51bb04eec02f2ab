"""A transaction of SQLite's driver itself, on a connection of SQLAlchemy's pool.

SQLAlchemy takes five times as long as SQLite to open a connection, begin, commit and give it back, and most
transactions are one query. Code that needs SQLAlchemy's connection gets it, in the same transaction. If
anything listens to the engine's begin and commit events, all transactions go through SQLAlchemy.
"""

import sqlite3
import weakref
from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import PoolProxiedConnection

from .statement import run_on

Begin = Callable[[PoolProxiedConnection, bool], None]
"""Called with the connection, and whether the transaction only reads."""
_BEGINNINGS: weakref.WeakKeyDictionary[object, Begin] = weakref.WeakKeyDictionary()
_BEGUN = "secondsite_begun"
READS_ONLY = "secondsite_read_only"


def offer(db: Engine, begin: Begin) -> None:
    """Allow the driver's transactions on this engine; `begin` does for them what the only listener to its
    begin events does."""
    _BEGINNINGS[db.pool] = begin


def has_begun(connection: Connection) -> bool:
    """Whether a transaction of the driver has begun on it, which goes on as SQLAlchemy's."""
    info = connection.connection.record_info
    return info is not None and info.pop(_BEGUN, False)


def opened(db: Engine) -> "Direct | None":
    """A transaction of the driver; None where it has to be SQLAlchemy's."""
    begin = _BEGINNINGS.get(db.pool)
    heard = db.dispatch
    if begin is None or len(heard.begin) > 1 or heard.commit or heard.rollback:
        return None
    return Direct(db, begin)


class Direct:
    """One transaction of the driver, for one thread; it begins with the first statement."""

    def __init__(self, db: Engine, begin: Begin) -> None:
        self._db = db
        self._begin = begin
        self._line: PoolProxiedConnection | None = None
        self._is_over = False

    @property
    def driver(self) -> sqlite3.Connection:
        assert not self._is_over, "a statement after the end would be committed at once"
        return _driver(self._line or self.begin())

    def begin(self) -> PoolProxiedConnection:
        """Begin the transaction, unless it has begun."""
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
        """SQLAlchemy's connection, which takes the transaction over: `begin` it, and use this object no
        more."""
        if self._line is None:
            return self._db.connect()
        assert not self._is_over
        assert self._line.record_info is not None  # only a connection that has left its pool has none
        self._line.record_info[_BEGUN] = True
        return Connection(self._db, connection=self._line)

    def commit(self) -> None:
        """Commit; nothing to do if it was rolled back."""
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
