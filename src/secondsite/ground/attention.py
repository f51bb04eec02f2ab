"""How much of the processor one speaker may take: whoever says more than that is heard later, and the
others are not."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SHARE: Final = 0.5
"""Of one processor, in the long run."""
SAVED_SECONDS: Final = 3.0
"""So much may be taken at once: an appliance that has just connected tells of a thousand machines."""


@dataclass(slots=True)
class Attention:
    """Safe from any thread."""

    clock: Callable[[], float] = time.monotonic
    _owed: float = 0.0
    _at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self, seconds: float) -> None:
        """So much was taken."""
        with self._lock:
            self._forgive()
            self._owed += seconds

    def rest_seconds(self) -> float:
        """How long nothing more should be heard; 0: go on."""
        with self._lock:
            self._forgive()
            return max(0.0, self._owed - SAVED_SECONDS) / SHARE

    def _forgive(self) -> None:
        now = self.clock()
        self._owed = max(0.0, self._owed - SHARE * (now - self._at))
        self._at = now
