"""How fast a site may send, by the hour of its week.

A schedule is a default rate, and windows in which another rate applies, all in the site's own time of day. If
several windows are open at once, the first in the list applies. A rate of None means no limit.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ..ground.units import DAY, HOUR, MINUTE, KiB
from . import errors

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LEAST_BYTES_PER_SECOND = 64 * KiB
"""At a slower rate a peer takes the stream for dead."""
MOST_BYTES_PER_SECOND = 10**12
MOST_WINDOWS = 100
MOST_OFFSET_MINUTES = 14 * 60
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
END_OF_DAY = "24:00"
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""Midnight of an arbitrary Monday, from which weeks are counted."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window on each of `days` from `begins` to `ends` ("HH:MM"), past midnight if `ends` is earlier; a
    whole day if they are equal. It belongs to the day on which it begins."""

    days: tuple[str, ...]
    begins: str
    ends: str
    bytes_per_second: int | None

    def __post_init__(self) -> None:
        unknown = [day for day in self.days if day not in DAYS]
        if unknown or not self.days:
            raise errors.InvalidArgument(
                f"'{', '.join(unknown)}' is not a day of the week." if unknown else "A window needs a day.",
                do=f"Use {', '.join(DAYS)}.",
            )
        seconds_of_day(self.begins)
        seconds_of_day(self.ends)
        check_rate(self.bytes_per_second)

    def is_open(self, weekday: int, second: int) -> bool:
        """Whether the window is open at this second of that weekday (0 is Monday)."""
        begins, ends = seconds_of_day(self.begins), seconds_of_day(self.ends)
        if begins < ends:
            return self._has(weekday) and begins <= second < ends
        return (self._has(weekday) and second >= begins) or (self._has(weekday - 1) and second < ends)

    def _has(self, weekday: int) -> bool:
        return DAYS[weekday % len(DAYS)] in self.days


@dataclass(frozen=True, slots=True)
class BandwidthSchedule:
    """`utc_offset_minutes` is how far the site's time of day is ahead of UTC: 60 for UTC+1."""

    bytes_per_second: int | None = None
    windows: tuple[Window, ...] = ()
    utc_offset_minutes: int = 0

    def __post_init__(self) -> None:
        check_rate(self.bytes_per_second)
        if len(self.windows) > MOST_WINDOWS:
            raise errors.InvalidArgument(
                f"{len(self.windows)} windows are too many.", do=f"Use at most {MOST_WINDOWS}."
            )
        if abs(self.utc_offset_minutes) > MOST_OFFSET_MINUTES:
            raise errors.InvalidArgument(
                f"No place on earth is {self.utc_offset_minutes} minutes from UTC.",
                do="Give -840 to +840 minutes.",
            )


def rate_at(schedule: BandwidthSchedule, now: datetime) -> int | None:
    """Bytes per second that the site may send at `now` (aware); None without a limit."""
    there = (now - MONDAY) + timedelta(minutes=schedule.utc_offset_minutes)
    weekday, second = there.days % len(DAYS), there.seconds
    for window in schedule.windows:
        if window.is_open(weekday, second):
            return window.bytes_per_second
    return schedule.bytes_per_second


def shared(schedule: BandwidthSchedule, parties: int) -> BandwidthSchedule:
    """The share of one of `parties` appliances of a site, so that together they keep to the schedule."""
    part = _part_of(max(1, parties))
    windows = tuple(
        replace(window, bytes_per_second=part(window.bytes_per_second)) for window in schedule.windows
    )
    return replace(schedule, bytes_per_second=part(schedule.bytes_per_second), windows=windows)


def _part_of(parties: int) -> Callable[[int | None], int | None]:
    def part(rate: int | None) -> int | None:
        return None if rate is None else max(LEAST_BYTES_PER_SECOND, rate // parties)

    return part


def seconds_of_day(time: str) -> int:
    """Seconds since midnight of "HH:MM", "24:00" included; raises InvalidArgument."""
    if time == END_OF_DAY:
        return DAY
    found = TIME.fullmatch(time)
    if found is None:
        raise errors.InvalidArgument(f"'{time}' is not a time of day.", do="Give HH:MM, from 00:00 to 24:00.")
    return int(found[1]) * HOUR + int(found[2]) * MINUTE


def check_rate(rate: int | None) -> None:
    """Raises InvalidArgument for a rate that streams cannot work with."""
    if rate is not None and not LEAST_BYTES_PER_SECOND <= rate <= MOST_BYTES_PER_SECOND:
        raise errors.InvalidArgument(
            f"A limit of {rate} bytes per second is not possible.",
            do=(
                f"Give {LEAST_BYTES_PER_SECOND} to {MOST_BYTES_PER_SECOND} bytes per second, or no limit at "
                "all."
            ),
        )


UNLIMITED = BandwidthSchedule()
