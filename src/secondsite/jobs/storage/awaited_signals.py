"""Which signals steps are written down as waiting for, so that nobody has to ask the database about all the
others.

Most signals come while their step waits in memory, or to nobody. On SQLite nobody else writes waits; with
PostgreSQL this knows nothing.
"""

import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...ground.job_states import TaskState
from .prepared import one_of
from .tables import tasks

STATES = (TaskState.WAITING, TaskState.RUNNING)
"""Of a step that waits: it may look just now."""
MOST_NOTED = 20_000
"""Many of them are over by then: those that are not are read anew."""
_ALL = select(tasks.c.waiting_for).where(tasks.c.waiting_for.is_not(None), one_of(tasks.c.state, STATES))


class AwaitedSignals:
    """Safe from any thread. Until `begin` every signal may be waited for."""

    def __init__(self, most: int = MOST_NOTED) -> None:
        self._most = most
        self._signals: set[str] | None = None
        self._lock = threading.Lock()

    def begin(self, session: Session) -> None:
        """Within a transaction that writes, when nobody but this process writes waits from now on."""
        with self._lock:
            self._signals = _read(session)

    def end(self) -> None:
        """From now on others may."""
        with self._lock:
            self._signals = None

    def note(self, session: Session, signal: str) -> None:
        """Within the transaction that writes it down: with SQLite there is no other one meanwhile."""
        with self._lock:
            if self._signals is None:
                return
            if len(self._signals) >= self._most:
                self._signals = _read(session)
            self._signals.add(signal)

    def may_wait(self, signal: str) -> bool:
        """False if nobody is written down as waiting for it."""
        known = self._signals
        return known is None or signal in known


def _read(session: Session) -> set[str]:
    return {signal for signal in session.execute(_ALL).scalars() if signal is not None}
