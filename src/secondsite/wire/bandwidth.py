"""A site's bandwidth schedule as it crosses a process."""

from ..domain.bandwidth import BandwidthSchedule, Window
from .base import Shape


class WindowShape(Shape):
    """`days` are mon … sun, `begins` and `ends` "HH:MM"; a window may cross midnight. None: no limit."""

    days: tuple[str, ...]
    begins: str
    ends: str
    bytes_per_second: int | None


class BandwidthShape(Shape):
    """The rate that holds by default, and windows in which another one holds, in the site's own time of day."""

    bytes_per_second: int | None = None
    windows: tuple[WindowShape, ...] = ()
    utc_offset_minutes: int = 0

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
        """Raises InvalidArgument for values that make no schedule."""
        windows = tuple(
            Window(each.days, each.begins, each.ends, each.bytes_per_second) for each in self.windows
        )
        return BandwidthSchedule(self.bytes_per_second, windows, self.utc_offset_minutes)
