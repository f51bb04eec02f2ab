"""Drill schedules: test failovers that the vault starts, of which machines, how often, and at which time of
day (UTC). Pure.

The instant at which the next turn is due is kept. It only moves ahead, by whole turns: missed ones are not
made up for, and a clock that was set back starts nothing twice.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import errors
from ..plans.plan import PlanMachine
from . import networks

TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
MOST_DAYS = 365
MOST_MACHINES = 100
DAY = timedelta(days=1)
TRIED_FOR = timedelta(hours=1)
"""How long an obstacle may last before a turn is given up; then it is tried on the next day, at its time."""


@dataclass(frozen=True, slots=True)
class DrillSchedule:
    """A drill schedule of machines or of a plan. A run cleans up by itself; with `keep_if_failed` only if no
    proof failed."""

    name: str
    every_days: int
    at: str
    machines: tuple[PlanMachine, ...] = ()
    plan: str | None = None
    network: str = networks.CREATE
    subnet: str | None = None
    dns_servers: tuple[str, ...] = ()
    keep_if_failed: bool = False
    paused: bool = False


def check(schedule: DrillSchedule) -> None:
    """Raises InvalidArgument for a schedule that is not possible."""
    if bool(schedule.machines) is (schedule.plan is not None):
        raise errors.InvalidArgument(
            f"Schedule '{schedule.name}' is for machines or for a plan.", do="Give --machine, or --plan."
        )
    if len({each.id for each in schedule.machines}) < len(schedule.machines):
        raise errors.InvalidArgument(f"Schedule '{schedule.name}' names a machine twice.", do="Name it once.")
    if not TIME.fullmatch(schedule.at):
        raise errors.InvalidArgument(
            f"'{schedule.at}' is not a time of day.", do="Give hours and minutes in UTC: --at 02:00."
        )
    networks.checked(schedule.network, schedule.subnet, schedule.dns_servers)


def first_at(schedule: DrillSchedule, now: datetime) -> datetime:
    """The first turn after `now`."""
    today = _on(schedule, now)
    return today if today > now else today + DAY


def next_at(schedule: DrillSchedule, due_at: datetime, now: datetime) -> datetime:
    """The turn after the one that begins now and was due at `due_at`. It counts from the day on which that
    one was due, also if it waited past midnight, and from today if it is more than a day late, or early."""
    day = due_at if timedelta() <= now - due_at < DAY else now
    return _on(schedule, day) + schedule.every_days * DAY


def is_too_far(schedule: DrillSchedule, due_at: datetime, now: datetime) -> bool:
    """Whether a turn is further ahead than it can be: the clock was wrong when it was set."""
    return due_at > now + (schedule.every_days + 2) * DAY


def gives_up(due_at: datetime, listens_since: datetime, now: datetime) -> bool:
    """Whether an obstacle has lasted long enough to give the turn up. A vault that has just started may not
    have heard of its end yet."""
    return now >= max(due_at, listens_since) + TRIED_FOR


def _on(schedule: DrillSchedule, day: datetime) -> datetime:
    hours, minutes = map(int, schedule.at.split(":"))
    return day.replace(hour=hours, minute=minutes, second=0, microsecond=0)
