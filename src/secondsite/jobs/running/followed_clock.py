"""The host's clock, by which jobs wait. When it was set, all waits are moved before it is read again."""

import threading
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from ..model.clock import Clock
from ..storage.clock_changes import SetClock, look_again, move_along, oversleeps
from ..storage.lease import Membership
from ..storage.transactions import Transactions
from .lease_state import Bell

log = structlog.get_logger(__name__)


class ClockWasSet(Exception):
    """The clock was set and the waits have not been moved yet: call `follow`, then begin the transaction
    again."""


class FollowedClock:
    """The clock of the engine. Safe from any thread. Before `start` nothing checks whether it was set."""

    def __init__(self, clock: Clock, transactions: Transactions, membership: Membership, bell: Bell) -> None:
        self._clock = clock
        self._transactions = transactions
        self._membership = membership
        self._bell = bell
        self._set_clock: SetClock | None = None
        self._one_at_a_time = threading.Lock()

    def start(self) -> None:
        """From now on the clock is checked; the existing waits count as written by the clock as it is now."""
        self._set_clock = SetClock(self._clock)

    def now(self) -> datetime:
        """The time, UTC. Read it in the transaction that writes a wait, after taking its lock: a time read
        earlier could be written after the other waits were moved. Raises ClockWasSet."""
        if self._set_clock is None:
            return self._clock()
        now, was_set = self._set_clock.look()
        if was_set:
            raise ClockWasSet
        return now

    def follow(self) -> None:
        """Move the waits if the clock was set. If several engines share the jobs, the waits are not only of
        this host: then the jobs look again, and their deadlines stay as they are."""
        set_clock = self._set_clock
        if set_clock is None:
            return
        with self._one_at_a_time:
            step, look = set_clock.step()
            if step:
                log.warning("clock.set", by_seconds=round(step.total_seconds()))
                self._transactions.write(lambda session: self._move_along(session, step))
                set_clock.followed(look)
                self._bell.ring()

    def wake_oversleepers(self) -> None:
        """Wake jobs that sleep too long because of another host's clock, or of an instant read just before
        this one was set."""
        if self._transactions.look(lambda session: oversleeps(session, self._clock())):
            self._transactions.write(lambda session: look_again(session, self._clock()))
            self._bell.ring()

    def _move_along(self, session: Session, step: timedelta) -> None:
        if self._membership.is_alone(session):
            move_along(session, step, self._clock())
        else:
            look_again(session, self._clock())
