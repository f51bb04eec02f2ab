"""Which signals recorded waits are for, so that the database need not be asked about all others.

Most signals come while their step waits in memory, or nobody waits for them. On SQLite no other process
records waits; on PostgreSQL this is not used.
"""

import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...ground.job_states import TaskState
from .prepared import one_of
from .tables import tasks

STATES = (TaskState.WAITING, TaskState.RUNNING)
"""The states of a task with a recorded wait: its step may be running again just now."""
MOST_NOTED = 20_000
"""How many signals are noted before they are read again: many of their waits are over by then."""
_ALL = select(tasks.c.waiting_for).where(tasks.c.waiting_for.is_not(None), one_of(tasks.c.state, STATES))


class AwaitedSignals:
    """The signals of recorded waits. Safe from any thread. Until `begin` every signal may be waited for."""

    def __init__(self, most: int = MOST_NOTED) -> None:
        self._most = most
        self._signals: set[str] | None = None
        self._lock = threading.Lock()

    def begin(self, session: Session) -> None:
        """Call it within a writing transaction, when only this process records waits from now on."""
        with self._lock:
            self._signals = _read(session)

    def end(self) -> None:
        """Other processes may record waits from now on."""
        with self._lock:
            self._signals = None

    def note(self, session: Session, signal: str) -> None:
        """Note a signal within the transaction that records the wait: on SQLite there is no other one
        meanwhile."""
        with self._lock:
            if self._signals is None:
                return
            if len(self._signals) >= self._most:
                self._signals = _read(session)
            self._signals.add(signal)

    def may_wait(self, signal: str) -> bool:
        """False if no recorded wait is for this signal."""
        known = self._signals
        return known is None or signal in known


def _read(session: Session) -> set[str]:
    return {signal for signal in session.execute(_ALL).scalars() if signal is not None}
