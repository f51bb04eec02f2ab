"""Leases of engines: which engines are alive, and who may run which job.

Every engine keeps one row: its name, an epoch that rises each time the name is taken, and the time until
which it counts as alive. Time is the database's own, so clocks of hosts need not agree. A job is held by a
claim: the name of its engine and an epoch that rises with every claim. A dead engine's jobs can be claimed at
once by another; a paused engine that wakes up finds a higher epoch on the job, and nothing it writes is
accepted.

SQLite serves one process: a lock file keeps a second one out.

On PostgreSQL a lease that has ended is not prolonged: its engine joins again, with a higher epoch. What it
held under the former one, such as the connections of a vault's appliances, no longer counts.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import structlog
from sqlalchemy import BindParameter, ColumnElement, Engine, Row, Update, delete, func, select, update
from sqlalchemy.orm import Session

from ...ground.lockfile import LockFile
from ..model.failures import EngineAlreadyRunning, LeaseOver, NameTaken
from .tables import engines, jobs
from .transactions import REFUSALS, Transactions, said

LEASE_SECONDS = 5.0
ALONE_SECONDS = 120.0
"""The lease in seconds where no other engine waits for its end: with a lease of five seconds its renewals
were half of all transactions of an idle vault."""
log = structlog.get_logger(__name__)


def database_now(session: Session) -> datetime:
    """The database's clock; on SQLite, which lives in this process, the host's."""
    if session.get_bind().dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def held_by_the_living(now: BindParameter[datetime]) -> ColumnElement[bool]:
    """SQL: the job's claim belongs to an engine that is alive."""
    return jobs.c.claim_owner.in_(select(engines.c.owner).where(engines.c.expires_at > now))


class Member(NamedTuple):
    """An engine under one epoch: until its lease is lost."""

    owner: str
    epoch: int


def is_alive(session: Session, member: Member) -> bool:
    """Whether the member's lease runs, by the database's clock."""
    mine = select(engines.c.owner).where(
        engines.c.owner == member.owner,
        engines.c.epoch == member.epoch,
        engines.c.expires_at > database_now(session),
    )
    return session.execute(mine).first() is not None


class Membership:
    """This engine's own row and, on SQLite, the lock file. On PostgreSQL it uses a connection of its own,
    that of `transactions`."""

    def __init__(
        self,
        db: Engine,
        transactions: Transactions,
        owner: str,
        lease_seconds: float,
        heard: Callable[[datetime, float], None] = lambda _now, _asked_at: None,
    ) -> None:
        """`heard` is called with the time of the database's clock, and when it was asked, by the monotonic
        clock."""
        self.owner = owner
        self._heard = heard
        self._transactions = transactions
        self._alone = db.dialect.name == "sqlite"
        self._length = timedelta(seconds=ALONE_SECONDS if self._alone else lease_seconds)
        self._epoch = 0
        self._until: datetime | None = None
        self._runs_since = time.monotonic()
        self._lock = LockFile(Path(f"{db.url.database}.engine")) if _is_sqlite_file(db) else None

    @property
    def member(self) -> Member | None:
        """None before it has joined, and on SQLite, which has no other engines."""
        return None if self._alone or self._epoch == 0 else Member(self.owner, self._epoch)

    @property
    def runs_since(self) -> float:
        """When the lease began, by the monotonic clock: when the renewal that was committed was tried. There
        are many tries while a database is away."""
        return self._runs_since

    def join(self) -> None:
        """Register as alive under the name; raises EngineAlreadyRunning when another process has the SQLite
        database."""
        if self._lock is not None:
            self._take(self._lock)
        self._epoch, self._until = self._transactions.write(self._enter)

    def join_again(self, look: Callable[[Session, bool], None]) -> None:
        """Join after LeaseOver. `look` is called in the same transaction with whether the database is older
        than what this engine has committed; what it raises is raised."""

        def enter(session: Session) -> tuple[int, datetime]:
            look(session, self._is_behind(self._row(session)))
            return self._enter(session)

        self._epoch, self._until = self._transactions.write(enter)

    def _take(self, lock: LockFile) -> None:
        if not lock.take():
            raise EngineAlreadyRunning(
                "engine-already-running",
                f"Process {lock.signature()} already runs the jobs of this database (lock {lock.path})",
                "Stop it first, or use PostgreSQL to run several",
            )
        lock.sign()

    def _enter(self, session: Session) -> tuple[int, datetime]:
        self._runs_since = time.monotonic()
        if self._alone:  # the lock file shows that every engine with a row here is dead
            session.execute(delete(engines).where(engines.c.owner != self.owner))
        now = self._now(session)
        row = self._row(session)
        if row is None:
            session.execute(
                engines.insert().values(owner=self.owner, epoch=0, started_at=now, expires_at=now)
            )
        epoch, until = (row.epoch if row else 0) + 1, now + self._length
        session.execute(self._mine().values(epoch=epoch, started_at=now, expires_at=until))
        return epoch, until

    def _row(self, session: Session) -> Row[int, datetime] | None:
        row = select(engines.c.epoch, engines.c.expires_at).where(engines.c.owner == self.owner)
        return session.execute(row.with_for_update()).one_or_none()

    def _now(self, session: Session) -> datetime:
        asked_at = time.monotonic()
        now = database_now(session)
        self._heard(now, asked_at)
        return now

    def _mine(self) -> Update:
        return update(engines).where(engines.c.owner == self.owner)

    def renew(self) -> None:
        """Stay alive for another lease. Raises NameTaken when another process joined under the name, and
        LeaseOver when this lease has ended, or the database is older than what was committed to it."""
        self._until = self._transactions.write(self._prolong)

    def _prolong(self, session: Session) -> datetime:
        self._runs_since = time.monotonic()
        row, now = self._row(session), self._now(session)
        if row is not None and row.epoch != self._epoch and row.expires_at > now:
            raise NameTaken(
                "engine-name-taken",
                f"Another process runs jobs under the name {self.owner}",
                "Give each process a name of its own",
            )
        if row is None or row.epoch != self._epoch or self._is_over(row, now):
            raise LeaseOver(self.owner)
        until: datetime = row.expires_at
        if not self._alone or until - now < self._length / 2:
            until = now + self._length
            session.execute(self._mine().values(expires_at=until))
        return until

    def _is_over(self, row: Row[int, datetime], now: datetime) -> bool:
        return not self._alone and (row.expires_at <= now or self._is_behind(row))

    def _is_behind(self, row: Row[int, datetime] | None) -> bool:
        """Whether the database lacks what it had acknowledged: it is an older copy, such as a standby that
        took over."""
        return self._until is not None and (row is None or row.expires_at < self._until)

    def is_alone(self, session: Session) -> bool:
        """Whether no other engine is alive."""
        others = select(engines.c.owner).where(
            engines.c.owner != self.owner, engines.c.expires_at > database_now(session)
        )
        return self._alone or session.execute(others.limit(1)).first() is None

    def leave(self) -> None:
        """Deregister, so that others need not wait for the lease to end. Best effort. The row stays: no epoch
        is used twice."""
        mine = self._mine().where(engines.c.epoch == self._epoch)

        def end(session: Session) -> None:
            session.execute(mine.values(expires_at=database_now(session)))

        try:
            self._transactions.write(end, patience_seconds=1.0)
        except REFUSALS as problem:
            log.warning(
                "lease.not-ended", problem=f"could not deregister; the lease will expire: {said(problem)}"
            )
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of the lock file, or of the connection, only, as a killed process would."""
        if self._lock is not None:
            self._lock.release()
        if not self._alone:
            self._transactions.close()


def _is_sqlite_file(db: Engine) -> bool:
    return db.dialect.name == "sqlite" and db.url.database not in (None, "", ":memory:")
