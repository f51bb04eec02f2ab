"""Time that was lived through: by it everything is judged that is deleted, ended or done for its age alone.

It is never ahead of the clock, and goes at most a tenth faster than time passes. So a clock that was ahead by
days, for as long as it takes to be noticed, makes nothing old. What was off for a while lags behind the clock
and catches up: what ages by lived time can only stay too long.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

AT_MOST_FASTER = 1.1
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LivedClock:
    """Before what was kept is followed nothing is old. Safe from any thread."""

    def __init__(
        self, clock: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Aware, in UTC."""
        with self._lock:
            return LONG_AGO if self._seen is None else self._see(self._reached(self._seen))

    def follow(self, kept: datetime | None) -> datetime:
        """What is to be kept from now on, where this was. None: nothing is there yet that could be old. If
        somebody who shares it had to set it back, it goes on from there: what is written since bears such
        instants."""
        with self._lock:
            if kept is None:
                return self._see(self._clock())
            if self._seen is None or kept < self._seen[0]:
                return self._see(kept)
            return self._see(max(kept, self._reached(self._seen)))

    def _reached(self, seen: tuple[datetime, float]) -> datetime:
        then, at = seen
        return then + timedelta(seconds=(self._monotonic() - at) * AT_MOST_FASTER)

    def _see(self, reached: datetime) -> datetime:
        found = min(reached, self._clock())
        self._seen = (found, self._monotonic())
        return found
