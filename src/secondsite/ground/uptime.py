"""Time as a host measures it itself: how long it has been running.

Setting a clock changes neither boot nor seconds, here or elsewhere. Time in which the host was off, or in which what is
measured lay at another host, is measured by nobody: it counts as none, so what ages by uptime can only stay too long.
"""

from dataclasses import dataclass
from datetime import datetime

from .units import HOUR


@dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds since the host's start named `boot`; time in which it was suspended is among them."""

    boot: str
    seconds: float

    def since(self, earlier: "Uptime") -> float:
        """Seconds from an earlier uptime to this one, as far as they were measured; never less than 0."""
        return max(0.0, self.seconds - earlier.seconds) if self.boot == earlier.boot else 0.0

    def lead_hours(self, at: datetime) -> int:
        """How far a clock that says `at` leads this uptime, in whole hours. Two that are equal, of one boot, come from
        a clock that nobody set by an hour or more between them."""
        return int((at.timestamp() - self.seconds) // HOUR)
