"""Limits how often the same thing is logged: what anybody can cause as often as he likes is logged once in a
while, with the number of times that it was not."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

EVERY_SECONDS: Final = 60.0


@dataclass(slots=True)
class LogLimit:
    """Decides what is logged. Thread-safe. Callers use few different names."""

    clock: Callable[[], float] = time.monotonic
    _told_at: dict[str, float] = field(default_factory=dict)
    _untold: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def untold(self, what: str) -> int | None:
        """How often `what` was not logged since it was last logged; None if it was logged a moment ago, and
        must not be logged now."""
        now = self.clock()
        with self._lock:
            told_at = self._told_at.get(what)
            if told_at is not None and now - told_at < EVERY_SECONDS:
                self._untold[what] = self._untold.get(what, 0) + 1
                return None
            self._told_at[what] = now
            return self._untold.pop(what, 0)
