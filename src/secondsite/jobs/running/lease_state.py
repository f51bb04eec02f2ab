"""Whether this process still has its lease on the database. Without it others do its work, and nothing that
it writes is accepted.

A process that cannot reach the database cannot know when others take over. So it counts its lease as lost
once the lease's length has passed since it last began to renew it, and tells its followers.
"""

import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy import Engine as Database
from sqlalchemy import text
from sqlalchemy.orm import Session

from ...ground.periodic import Every
from ..storage import sessions

log = structlog.get_logger(__name__)

LOOKS_PER_LEASE = 10


class LeaseState:
    """The state of this process's lease. Safe from any thread. On SQLite, which has one process only, it is
    never lost."""

    def __init__(self, db: Database, lease_seconds: float) -> None:
        self._db = db
        self._lease_seconds = lease_seconds
        self._renewed_at = time.monotonic()
        self._hung_up_at = 0.0
        self._lock = threading.RLock()
        self._followers: tuple[tuple[Callable[[], None], Callable[[], None]], ...] = ()
        self._lost_at: float | None = None
        self._watch = Every(
            "jobs-standing",
            lease_seconds / LOOKS_PER_LEASE,
            self._look,
            lambda error: log.error("standing.not-looked-at", exc_info=error),
        )

    def follow(self, lost: Callable[[], None], regained: Callable[[], None]) -> None:
        """Call `lost` when the lease is lost, before anything else is done about it, and `regained` when it
        is back. Neither may block."""
        self._followers = (*self._followers, (lost, regained))

    def start(self) -> None:
        self.renewed(time.monotonic())
        if self._db.dialect.name == "postgresql":
            self._watch.start()

    def stop(self) -> None:
        self._watch.stop(0.5)

    @property
    def lost_for_seconds(self) -> float | None:
        """Seconds since the lease was lost; None while it runs."""
        lost_at = self._lost_at
        return None if lost_at is None else time.monotonic() - lost_at

    def renewed(self, since: float) -> None:
        """The lease runs from `since` on, of the monotonic clock. If it would be over by now, nothing is
        regained."""
        with self._lock:
            self._renewed_at, now = since, time.monotonic()
            if self._lost_at is None or now - since >= self._lease_seconds:
                return
            lost_for, self._lost_at = now - self._lost_at, None
            log.warning("lease.regained", seconds=round(lost_for, 1))
            for _, regained in self._followers:
                regained()

    def lose(self) -> None:
        """Count the lease as lost."""
        with self._lock:
            if self._lost_at is not None:
                return
            self._lost_at = time.monotonic()
            log.warning(
                "lease.over",
                seconds=round(self._lost_at - self._renewed_at, 1),
                do="Check the database and the network to it; the other vault processes go on.",
            )
            for lost, _ in self._followers:
                lost()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._renewed_at < self._lease_seconds:
            return
        self.lose()
        if now - self._hung_up_at >= self._lease_seconds:
            from ..storage import (
                pool_connections,  # imported here: a vault on SQLite does without the driver's memory
            )

            self._hung_up_at = now
            pool_connections.hang_up(self._db)


# Wakes sleeping workers when there is work, in this process and in the others. A wake-up is only a hint and
# may be lost: workers also look by themselves every second. On PostgreSQL the other processes get it as a
# notification; on SQLite there is only one process.

CHANNEL = "secondsite_jobs"


class Bell:
    """Wakes every worker that waits. `ring` is safe from any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def ring_one(self) -> None:
        """Wake one worker that sleeps, for one more job, when the ringing worker looks for a job itself."""
        with self._condition:
            self._rung += 1
            self._condition.notify()

    @property
    def rung(self) -> int:
        """How often the bell has rung: read it before looking for work, and give it to `wait`."""
        return self._rung

    def nudge(self) -> None:
        """Wake one worker, for one job that its `meanwhile` finds."""
        with self._condition:
            self._condition.notify()

    def wait(self, since: int, seconds: float, meanwhile: Callable[[], bool] = lambda: False) -> None:
        """Return when the bell has rung since `since` was read, when `meanwhile` is true at a nudge, or after
        `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != since or meanwhile(), timeout=seconds)

    def ring_on_commit(self, session: Session) -> None:
        """Ring, here and in the other processes, once the session's transaction has committed."""
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"NOTIFY {CHANNEL}"))
        sessions.after_commit(session, lambda _session: self.ring())
