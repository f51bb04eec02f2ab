"""Moves the waits of jobs when the host's clock is set, by an hour or a year.

A waiting job has the time of its next look in its row, and its step the time at which the wait began. If the
clock is set back an hour, the next look is an hour too late; if it is set forward, the wait seems an hour
longer than it is. The job would oversleep, or give up. The monotonic clock tells how far the clock was set.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, text, update
from sqlalchemy.orm import Session

from ...ground.job_states import MOVING, TaskState
from ..model.clock import Clock
from . import changed_jobs
from .tables import jobs, tasks

SLEWED = timedelta(seconds=2)
"""A time service slews the clock by less than this between two looks."""

LONGEST_SLEEP_SECONDS = 60.0
"""No job sleeps longer than this many seconds. One that would was put to sleep by a clock that was set back
since."""

Look = tuple[datetime, float]
"""The time of the clock and of the monotonic clock, read together."""


class SetClock:
    """Compares a clock with the monotonic one since they last agreed, or since the last step was followed."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._seen = (clock(), monotonic())

    def look(self) -> tuple[datetime, bool]:
        """The clock's time, and whether it was set since the last step was followed; changes nothing. Both
        come from one reading: a second one may differ by an hour. Safe from any thread."""
        step, (now, _monotonic) = self._compare()
        return now, abs(step) > SLEWED

    def step(self) -> tuple[timedelta, Look]:
        """How far the clock was set (forward: positive; zero if it was not), and the look that found it: the
        same until that look is `followed`."""
        step, look = self._compare()
        if abs(step) > SLEWED:
            return step, look
        self._seen = look
        return timedelta(0), look

    def followed(self, look: Look) -> None:
        """All waits were moved, durably, by the step of that look."""
        self._seen = look

    def _compare(self) -> tuple[timedelta, Look]:
        (then, before), look = self._seen, (self._clock(), self._monotonic())
        now, monotonic = look
        return now - then - timedelta(seconds=monotonic - before), look


def move_along(session: Session, step: timedelta, now: datetime) -> None:
    """Move the beginning of all waits by `step`; every moving job looks again now."""
    if session.get_bind().dialect.name == "postgresql":
        # A transaction that read the clock before it was set has its job's row locked, and commits before
        # this goes on.
        session.execute(text("LOCK TABLE jobs IN EXCLUSIVE MODE"))
    waiting = tasks.c.state.in_((TaskState.WAITING, TaskState.RUNNING)), tasks.c.waiting_since.is_not(None)
    for row in session.execute(
        select(tasks.c.id, tasks.c.job_id, tasks.c.waiting_since, tasks.c.deadline_at).where(*waiting)
    ):
        changed_jobs.note(session, row.job_id)
        values = {"waiting_since": row.waiting_since + step}
        if row.deadline_at is not None:
            values["deadline_at"] = row.deadline_at + step
        session.execute(update(tasks).where(tasks.c.id == row.id).values(**values))
    look_again(session, now)


def look_again(session: Session, now: datetime) -> None:
    """Every moving job looks again now; one that looks too early waits again. Jobs are locked in the order of
    their ids, as everywhere."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(jobs.c.id).where(_asleep_at(now)).order_by(jobs.c.id).with_for_update())
    session.execute(update(jobs).where(_asleep_at(now)).values(ready_at=now))


def oversleeps(session: Session, now: datetime) -> bool:
    """Whether a job would sleep longer than it may."""
    too_late = now + timedelta(seconds=LONGEST_SLEEP_SECONDS)
    return session.execute(select(jobs.c.id).where(_asleep_at(too_late)).limit(1)).first() is not None


def _asleep_at(instant: datetime) -> ColumnElement[bool]:
    return and_(jobs.c.state.in_(sorted(MOVING)), jobs.c.ready_at > instant)
