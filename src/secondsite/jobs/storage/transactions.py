"""Transactions that survive a database that is busy, restarting or away for a while.

A step's result exists only in memory until it is recorded, so writing it is tried again until it succeeds or
the engine is stopped. Work that is tried again must recognise an earlier try that was committed although the
reply was lost.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import structlog
from sqlalchemy import Engine, exc
from sqlalchemy.orm import Session

from ...ground.backoff import pause_seconds
from . import database
from .database import WorkTurn
from .group_commit import GroupCommit
from .sessions import transaction

T = TypeVar("T")
log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0
SQLITE_PASSING = ("locked", "busy", "disk is full")
# Of SQLSTATE: connection, rollback by deadlock or serialisation, resources, operator (restart), left open too
# long.
POSTGRESQL_PASSING = ("08", "40", "53", "57", "25P03")
REFUSALS = (exc.DBAPIError, exc.TimeoutError)
"""The errors with which a database refuses, or a pool whose connections are all in use."""
MOST_OVERTAKEN = 10
"""How often a work is done again because another transaction was faster."""


class Overtaken(Exception):
    """Another transaction changed what this one had read and was about to write: the work is done again, with
    what is there now. Only where several write at a time, as on PostgreSQL."""


def is_passing(problem: exc.DBAPIError | exc.TimeoutError) -> bool:
    """Whether the same work may succeed later: locks, a lost connection, a server that restarts, no free
    connection."""
    if not isinstance(problem, exc.DBAPIError) or problem.connection_invalidated:
        return True
    state = getattr(problem.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(POSTGRESQL_PASSING)
    text = str(problem.orig).lower()
    if "sqlite" in type(problem.orig).__module__:
        return any(word in text for word in SQLITE_PASSING)
    return isinstance(problem, exc.OperationalError | exc.InterfaceError)


class Transactions:
    """Read and write transactions on one database. `opened` sees the session of every write before the work
    begins.

    Setting `given_up` ends all waiting for the database: the pending error is raised instead.
    """

    def __init__(self, db: Engine, opened: Callable[[Session], None] = lambda _session: None) -> None:
        self._db = db
        self._opened = opened
        self._turn = WorkTurn()
        self._together = GroupCommit(db, opened, self._turn) if db.dialect.name == "sqlite" else None
        self._reader = db.execution_options(**database.READ_ONLY)
        self.given_up = threading.Event()

    def beside(self) -> "Transactions":
        """Transactions on a connection of their own (`close` it), which are given up together with these. On
        SQLite these themselves."""
        if self.is_alone:
            return self
        beside = Transactions(database.beside(self._db), self._opened)
        beside.given_up = self.given_up
        return beside

    def close(self) -> None:
        """Let go of the connections."""
        self._db.dispose()

    @property
    def is_alone(self) -> bool:
        """Whether no other process can use the database."""
        return self._together is not None

    def turn(self) -> AbstractContextManager[None]:
        """The turn of a thread that runs a job; not needed on PostgreSQL, where such a thread mostly waits
        for the server."""
        return self._turn.taken() if self.is_alone else nullcontext()

    def aside(self) -> AbstractContextManager[None]:
        """A context in which other threads have the turn, while this one waits for something else."""
        return self._turn.left()

    def write(self, work: Callable[[Session], T], patience_seconds: float | None = None) -> T:
        """Run `work` in one transaction, again and again while the database is away or others are faster;
        gives the result of `work`. On SQLite other threads' works may be in the same transaction, and the
        work may run on one of their threads.

        Raises the database's error once `patience_seconds` have passed (None: never) or the engine gave up.
        """
        return self._persist(lambda: self._write(work), patience_seconds)

    def _write(self, work: Callable[[Session], T]) -> T:
        if self._together is not None:
            with self._turn.left():
                return self._together.do(work)
        with transaction(self._db) as session:
            self._opened(session)
            return work(session)

    def look(self, work: Callable[[Session], T], patience_seconds: float | None = None) -> T:
        """As `write`, for work that only reads: takes no write lock."""
        return self._persist(lambda: self._look(work), patience_seconds)

    def _look(self, work: Callable[[Session], T]) -> T:
        with transaction(self._reader) as session:
            return work(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One read-only transaction, tried once: a consistent view; nothing changed in it is kept."""
        with transaction(self._reader) as session:
            yield session
            session.rollback()

    def _persist(self, work: Callable[[], T], patience_seconds: float | None) -> T:
        failures, overtaken, started = 0, 0, time.monotonic()
        while True:
            try:
                return work()
            except Overtaken as problem:
                overtaken += 1
                if overtaken > MOST_OVERTAKEN or self.given_up.is_set():
                    raise
                log.info("transaction.overtaken", problem=str(problem))
                continue
            except REFUSALS as problem:
                spent = time.monotonic() - started
                impatient = patience_seconds is not None and spent >= patience_seconds
                if not is_passing(problem) or impatient or self.given_up.is_set():
                    raise
                log.warning("database.unreachable", problem=said(problem))
            failures += 1
            with self._turn.left():
                self.given_up.wait(pause_seconds(failures, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))


def said(problem: exc.DBAPIError | exc.TimeoutError) -> str:
    """The problem in words, without the statement and its values."""
    return str(problem.orig if isinstance(problem, exc.DBAPIError) else problem)
