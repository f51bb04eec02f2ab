"""The host's clock is set, by an hour or a year: what jobs wait for moves along.

A job that waits has the instant at which it looks again in its row, and its step the instant since which it waits. A
clock that is set back would make the one lie an hour ahead, and a clock that is set forward the other an hour behind:
the job would sleep, or give up. The monotonic clock tells how far the clock was set.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..model.clock import Clock
from ..model.states import MOVING, TaskState
from .tables import jobs, tasks

SLEWED = timedelta(seconds=2)
"""A time service bends the clock by less than this between two looks."""


class SetClock:
    """Compares a clock with the monotonic one since it last agreed, or since it was followed."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._seen = (clock(), monotonic())

    def step(self) -> timedelta:
        """How far the clock was set (forward: positive), the same until it is `followed`; zero if it only went on."""
        (then, before), now, monotonic = self._seen, self._clock(), self._monotonic()
        found = now - then - timedelta(seconds=monotonic - before)
        if abs(found) > SLEWED:
            return found
        self._seen = (now, monotonic)
        return timedelta(0)

    def followed(self) -> None:
        """All that waits was moved along, durably."""
        self._seen = (self._clock(), self._monotonic())


def move_along(session: Session, step: timedelta, now: datetime) -> None:
    """Waits began `step` later than is written, and every job that moves looks again now."""
    waiting = tasks.c.state.in_((TaskState.WAITING, TaskState.RUNNING)), tasks.c.waiting_since.is_not(None)
    for row in session.execute(
        select(tasks.c.id, tasks.c.waiting_since, tasks.c.deadline_at).where(*waiting)
    ):
        values = {"waiting_since": row.waiting_since + step}
        if row.deadline_at is not None:
            values["deadline_at"] = row.deadline_at + step
        session.execute(update(tasks).where(tasks.c.id == row.id).values(**values))
    look_again(session, now)


def look_again(session: Session, now: datetime) -> None:
    """No job that moves sleeps on; one that looks too early waits again."""
    asleep = update(jobs).where(jobs.c.state.in_(sorted(MOVING)), jobs.c.ready_at > now)
    session.execute(asleep.values(ready_at=now))
