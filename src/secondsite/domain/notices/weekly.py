"""When the weekly report is due: at a day of the week and a time of day (UTC). Pure.

The last turn that was told is kept, and lived time then. A turn is told once, however late: of those that
were missed only the last. A clock that jumps tells none twice.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .. import errors

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WHEN = re.compile(rf"({'|'.join(DAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Told:
    """The last turn that was told. `when`: the day and time that it was for."""

    when: str
    turn_at: datetime
    lived_at: datetime


def check(when: str) -> None:
    """Raises InvalidArgument for what is no day and time."""
    if not WHEN.fullmatch(when):
        raise errors.InvalidArgument(
            f"'{when}' is no day of the week and time of day.",
            do="Give a day, and hours and minutes in UTC: --weekly-report 'monday 07:00'.",
        )


def last_turn(when: str, now: datetime) -> datetime:
    """The last turn until now."""
    found = WHEN.fullmatch(when)
    assert found is not None, when
    today = now.replace(hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0)
    turn = today - timedelta(days=(now.weekday() - DAYS.index(found[1])) % 7)
    return turn if turn <= now else turn - WEEK


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be kept from now on, and whether a report is due."""

    told: Told
    is_due: bool = False


def turn(before: Told | None, when: str, now: datetime, lived: datetime) -> Turn | None:
    """The turn after what was told last; None if nothing changes. A time that was just set waits for its
    first turn. One that was told and lies ahead was told by a wrong clock: a week is lived first."""
    last = last_turn(when, now)
    fresh = Told(when, last, lived)
    if before is None or before.when != when:
        return Turn(fresh)
    if last > before.turn_at or (last < before.turn_at and lived >= before.lived_at + WEEK):
        return Turn(fresh, is_due=True)
    if lived < before.lived_at:  # set back with the clock: the week is counted from there
        return Turn(replace(before, lived_at=lived))
    return None
