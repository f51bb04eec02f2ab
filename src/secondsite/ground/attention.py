"""Limits how much of the processor handling one sender's messages may take: messages of a sender that exceeds
it wait, those of others do not."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SHARE: Final = 0.5
"""The long-term share of one processor that a sender may take."""
SAVED_SECONDS: Final = 3.0
"""How many seconds of processor time may be taken at once: an appliance that has just connected reports a
thousand machines."""


@dataclass(slots=True)
class Attention:
    """The budget of one sender. Thread-safe."""

    clock: Callable[[], float] = time.monotonic
    _owed: float = 0.0
    _at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self, seconds: float) -> None:
        """Note that handling messages took this much processor time."""
        with self._lock:
            self._forgive()
            self._owed += seconds

    def rest_seconds(self) -> float:
        """How many seconds to wait before the next message is handled; 0: none."""
        with self._lock:
            self._forgive()
            return max(0.0, self._owed - SAVED_SECONDS) / SHARE

    def _forgive(self) -> None:
        now = self.clock()
        self._owed = max(0.0, self._owed - SHARE * (now - self._at))
        self._at = now
