"""Who is alive, and who may run which job.

Every engine keeps one row: its name, an epoch that rises each time the name is taken, and until when it counts
as alive. Time is the database's own, so clocks of hosts need not agree. A job is held by a claim: the name of
its engine and an epoch that rises with every claim. A dead engine's jobs can be claimed at once by another;
a paused engine that wakes up finds a higher epoch on the job, and nothing it writes is accepted.

SQLite serves one process: a lock file says so to the second one.
"""

import fcntl
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, exc, func, select, update
from sqlalchemy.orm import Session

from .failures import EngineAlreadyRunning, NameTaken
from .tables import engines, jobs
from .transactions import Transactions

LEASE_SECONDS = 5.0
log = logging.getLogger(__name__)


def database_now(session: Session) -> datetime:
    """The database's clock; on SQLite, which lives in this process, the host's."""
    if session.get_bind().dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def held_by_the_living(now: datetime) -> Any:
    """SQL: the job's claim belongs to an engine that is alive."""
    return jobs.c.claim_owner.in_(select(engines.c.owner).where(engines.c.expires_at > now))


class Membership:
    """This engine's own row and, on SQLite, the lock file."""

    def __init__(self, db: Engine, transactions: Transactions, owner: str, lease_seconds: float) -> None:
        self.owner = owner
        self._transactions = transactions
        self._length = timedelta(seconds=lease_seconds)
        self._epoch = 0
        self._lock = LockFile(db.url.database) if _is_sqlite_file(db) else None
        self._alone = db.dialect.name == "sqlite"

    def join(self) -> None:
        """Become alive under the name; raises EngineAlreadyRunning when SQLite's database is taken."""
        if self._lock is not None:
            self._lock.take()
        self._epoch = self._transactions.write(self._enter)

    def _enter(self, session: Session) -> int:
        if self._alone:  # whoever has a row here is dead, the lock file says
            session.execute(delete(engines).where(engines.c.owner != self.owner))
        now = database_now(session)
        mine = select(engines.c.epoch).where(engines.c.owner == self.owner).with_for_update()
        epoch: int = session.execute(mine).scalar_one_or_none() or 0
        if epoch == 0:
            session.execute(
                engines.insert().values(owner=self.owner, epoch=0, started_at=now, expires_at=now)
            )
        session.execute(
            update(engines)
            .where(engines.c.owner == self.owner)
            .values(epoch=epoch + 1, started_at=now, expires_at=now + self._length)
        )
        return epoch + 1

    def renew(self) -> None:
        """Stay alive for another lease; raises NameTaken when another process joined under the name."""

        def prolong(session: Session) -> bool:
            until = database_now(session) + self._length
            mine = update(engines).where(engines.c.owner == self.owner, engines.c.epoch == self._epoch)
            renewed = session.execute(mine.values(expires_at=until).returning(engines.c.owner))
            return renewed.one_or_none() is not None

        if not self._transactions.write(prolong):
            raise NameTaken(
                "engine-name-taken",
                f"Another process runs jobs under the name {self.owner}",
                "Give each process a name of its own",
            )

    def is_alone(self, session: Session) -> bool:
        """Whether no other engine is alive."""
        others = select(engines.c.owner).where(
            engines.c.owner != self.owner, engines.c.expires_at > database_now(session)
        )
        return self._alone or session.execute(others.limit(1)).first() is None

    def leave(self) -> None:
        """Stop being alive, so that others need not wait for the lease to end. Best effort."""
        gone = delete(engines).where(engines.c.owner == self.owner, engines.c.epoch == self._epoch)
        try:
            self._transactions.write(lambda session: session.execute(gone), patience_seconds=1.0)
        except exc.DBAPIError as problem:
            log.warning("left without a word, the lease will end by itself: %s", problem.orig)
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of the lock file only: what a killed process would do."""
        if self._lock is not None:
            self._lock.release()


def _is_sqlite_file(db: Engine) -> bool:
    return db.dialect.name == "sqlite" and db.url.database not in (None, "", ":memory:")


class LockFile:
    """`<database>.engine`: held by the one process that runs the jobs of a SQLite database."""

    def __init__(self, database: str | None) -> None:
        self.path = f"{database}.engine"
        self._file: int | None = None

    def take(self) -> None:
        """Hold the lock until `release` or the end of the process; raises EngineAlreadyRunning."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise EngineAlreadyRunning(
                "engine-already-running",
                f"Process {holder} already runs the jobs of this database (lock {self.path})",
                "Stop it first, or use PostgreSQL to run several",
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
