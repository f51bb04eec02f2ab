"""Who is alive, and who may run which job.

Every engine keeps one row: its name, an epoch that rises each time the name is taken, and the time until which it
counts as alive. Time is the database's own, so clocks of hosts need not agree. A job is held by a claim: the name of
its engine and an epoch that rises with every claim. A dead engine's jobs can be claimed at once by another;
a paused engine that wakes up finds a higher epoch on the job, and nothing it writes is accepted.

SQLite serves one process: a lock file keeps a second one out.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Engine, delete, exc, func, select, update
from sqlalchemy.orm import Session

from ...ground.lockfile import LockFile
from ..model.failures import EngineAlreadyRunning, NameTaken
from .tables import engines, jobs
from .transactions import Transactions

LEASE_SECONDS = 5.0
log = structlog.get_logger(__name__)


def database_now(session: Session) -> datetime:
    """The database's clock; on SQLite, which lives in this process, the host's."""
    if session.get_bind().dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def held_by_the_living(now: datetime) -> ColumnElement[bool]:
    """SQL: the job's claim belongs to an engine that is alive."""
    return jobs.c.claim_owner.in_(select(engines.c.owner).where(engines.c.expires_at > now))


class Membership:
    """This engine's own row and, on SQLite, the lock file."""

    def __init__(self, db: Engine, transactions: Transactions, owner: str, lease_seconds: float) -> None:
        self.owner = owner
        self._transactions = transactions
        self._length = timedelta(seconds=lease_seconds)
        self._epoch = 0
        self._lock = LockFile(Path(f"{db.url.database}.engine")) if _is_sqlite_file(db) else None
        self._alone = db.dialect.name == "sqlite"

    def join(self) -> None:
        """Become alive under the name; raises EngineAlreadyRunning when the SQLite database is taken."""
        if self._lock is not None:
            self._take(self._lock)
        self._epoch = self._transactions.write(self._enter)

    def _take(self, lock: LockFile) -> None:
        if not lock.take():
            raise EngineAlreadyRunning(
                "engine-already-running",
                f"Process {lock.signature()} already runs the jobs of this database (lock {lock.path})",
                "Stop it first, or use PostgreSQL to run several",
            )
        lock.sign()

    def _enter(self, session: Session) -> int:
        if self._alone:  # the lock file shows that every engine with a row here is dead
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
            log.warning(
                "lease.not-ended", problem=f"could not deregister; the lease will expire: {problem.orig}"
            )
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of the lock file only, as a killed process would."""
        if self._lock is not None:
            self._lock.release()


def _is_sqlite_file(db: Engine) -> bool:
    return db.dialect.name == "sqlite" and db.url.database not in (None, "", ":memory:")
