"""Time as a host itself measures it: how long it has been running.

Setting a clock, here or elsewhere, changes neither boot nor seconds. Time during which the host was off, or
the thing measured was at another host, is not counted; so what ages by uptime can only stay too long.
"""

from dataclasses import dataclass
from datetime import datetime

from .units import HOUR


@dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds since the start of the host that `boot` names, including time when it was suspended."""

    boot: str
    seconds: float

    def since(self, earlier: "Uptime") -> float:
        """Seconds from an earlier uptime to this one, as far as they were measured; never negative."""
        return max(0.0, self.seconds - earlier.seconds) if self.boot == earlier.boot else 0.0

    def lead_hours(self, at: datetime) -> int:
        """How many whole hours a clock that shows `at` is ahead of this uptime. If two leads of one boot are
        equal, nobody set the clock by an hour or more between them."""
        return int((at.timestamp() - self.seconds) // HOUR)
