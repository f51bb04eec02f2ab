"""Lived time: by it is decided what is deleted, ended or done for its age alone.

It is never ahead of the clock, and goes at most a tenth faster than time passes. So a clock that is days
ahead until somebody notices makes nothing old. After a time off, lived time lags behind the clock and catches
up: things that age by it can only stay too long.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

AT_MOST_FASTER = 1.1
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LivedClock:
    """The clock of lived time. Before `follow` was called nothing is old. Thread-safe."""

    def __init__(
        self, clock: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: tuple[datetime, float] | None = None
        self._stored: datetime | None = None

    def __call__(self) -> datetime:
        """The lived time now, aware, in UTC."""
        with self._lock:
            return LONG_AGO if self._seen is None else self._see(self._reached(self._seen))

    def follow(self, kept: datetime | None) -> datetime:
        """Go on from the stored value; returns the value to store from now on. None: nothing is stored yet,
        so nothing can be old. If another user of the stored value had to set it back, this clock follows:
        everything written since has such instants."""
        with self._lock:
            self._stored = self._see(self._followed(kept))
            return self._stored

    def _followed(self, kept: datetime | None) -> datetime:
        if kept is None:
            return self._clock()
        # Not compared with what was seen last: whoever asked between two rounds set it back by the next one,
        # and nothing grew old.
        if self._seen is None or self._stored is None or kept < self._stored:
            return kept
        return max(kept, self._reached(self._seen))

    def _reached(self, seen: tuple[datetime, float]) -> datetime:
        then, at = seen
        return then + timedelta(seconds=(self._monotonic() - at) * AT_MOST_FASTER)

    def _see(self, reached: datetime) -> datetime:
        found = min(reached, self._clock())
        self._seen = (found, self._monotonic())
        return found
