"""A site's bandwidth schedule as it crosses a process."""

from typing import Literal

from ...domain.bandwidth_schedule import BandwidthSchedule, Window
from .base import Shape

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class WindowShape(Shape):
    """A part of the week in which another rate applies."""

    days: tuple[Day, ...]
    """The days on which it begins."""
    begins: str
    """"HH:MM" in the site's own time of day."""
    ends: str
    """"HH:MM", or "24:00"; earlier than `begins`: on the next day."""
    bytes_per_second: int | None
    """Null: no limit."""


class BandwidthShape(Shape):
    """The default rate, and windows in which another rate applies, in the site's own time of day."""

    bytes_per_second: int | None = None
    """The rate outside all windows; null: no limit."""
    windows: tuple[WindowShape, ...] = ()
    """If several are open at once the first applies."""
    utc_offset_minutes: int = 0
    """How far the site's time of day is ahead of UTC."""

    @classmethod
    def of(cls, schedule: BandwidthSchedule) -> "BandwidthShape":
        windows = tuple(
            WindowShape(
                days=each.days, begins=each.begins, ends=each.ends, bytes_per_second=each.bytes_per_second
            )
            for each in schedule.windows
        )
        return cls(
            bytes_per_second=schedule.bytes_per_second,
            windows=windows,
            utc_offset_minutes=schedule.utc_offset_minutes,
        )

    def to_domain(self) -> BandwidthSchedule:
        """Raises InvalidArgument for an invalid schedule."""
        windows = tuple(
            Window(each.days, each.begins, each.ends, each.bytes_per_second) for each in self.windows
        )
        return BandwidthSchedule(self.bytes_per_second, windows, self.utc_offset_minutes)
