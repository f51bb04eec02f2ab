"""Counts what strangers can cause as often as they like, so that it is logged only once in a while."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

TELL_EVERY_SECONDS = 10.0
MOST_KEPT = 1000


@dataclass(slots=True)
class Tally:
    """Counts events by reason. `tell` gets the numbers, and the address from which most came: the first event
    at the next look, later ones every ten seconds."""

    tell: Callable[[Mapping[str, int], str], None]
    clock: Callable[[], float] = time.monotonic
    _reasons: Counter[str] = field(default_factory=Counter)
    _addresses: Counter[str] = field(default_factory=Counter)
    _told_at: float | None = None

    def count(self, reason: str, address: str) -> None:
        self._reasons[reason] += 1
        if address in self._addresses or len(self._addresses) < MOST_KEPT:
            self._addresses[address] += 1

    def look(self) -> None:
        """Log the numbers, if it is time."""
        now = self.clock()
        if not self._reasons or (self._told_at is not None and now - self._told_at < TELL_EVERY_SECONDS):
            return
        self._told_at = now
        self.tell(dict(self._reasons), self._addresses.most_common(1)[0][0])
        self._reasons.clear()
        self._addresses.clear()
