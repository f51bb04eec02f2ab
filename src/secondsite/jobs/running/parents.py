"""Wakes jobs whose children end: at the last one, and now and then before, so that people see how far it is.

A batch of a thousand that looked at each end would look at a million children.
"""

import math
import threading
import time
from collections.abc import Callable

from ..model.views import JobView
from ..storage.transactions import Transactions
from . import children

TOLD_EVERY_SECONDS = 1.0
FEW = 20
LAST = 64
"""As many threads run jobs, at most."""


class Parents:
    """Safe from any thread."""

    def __init__(
        self,
        transactions: Transactions,
        signal: Callable[[str], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactions = transactions
        self._signal = signal
        self._monotonic = monotonic
        self._told_at: dict[str, float] = {}
        self._left: dict[str, int] = {}
        """Children that had not ended, when they were counted last; less those that ended since the count
        began."""
        self._ends = 0
        """All that were told, of any parent."""
        self._lock = threading.Lock()

    def tell(self, child: JobView) -> None:
        """A job has ended; call it after the commit."""
        parent_id, position = child.parent_job_id, child.parent_position
        if parent_id is None:
            return
        key = children.end_signal(parent_id, position)
        is_time, ends = self._is_time(key), self._ended(key)
        if is_time or self._may_be_the_last(key):
            counted = self._transactions.look(lambda session: children.count(session, parent_id, position))
            self._count(key, counted, ends)
            if is_time or counted.all <= FEW or counted.ended == counted.all:
                self._signal(key)

    def _ended(self, key: str) -> int:
        """One less is left than were counted; gives how many ends were told by now."""
        with self._lock:
            self._ends += 1
            if key in self._left:
                self._left[key] -= 1
            return self._ends

    def _may_be_the_last(self, key: str) -> bool:
        """Fewer are left than is known here: by those that other processes run, and by those whose end is
        written and not told yet, at most one for each thread. So the last few are counted each time."""
        with self._lock:
            return self._left.get(key, 0) <= LAST or not self._transactions.is_alone

    def _count(self, key: str, counted: children.ChildCounts, ends: int) -> None:
        """What ended while it was counted, of whichever parent, may be in the count or not."""
        with self._lock:
            self._left.pop(key, None)
            if counted.ended < counted.all:
                self._left[key] = counted.all - counted.ended - (self._ends - ends)

    def _is_time(self, key: str) -> bool:
        now = self._monotonic()
        with self._lock:
            if now - self._told_at.get(key, -math.inf) < TOLD_EVERY_SECONDS:
                return False
            self._told_at = {told: at for told, at in self._told_at.items() if now - at < TOLD_EVERY_SECONDS}
            self._told_at[key] = now
            return True
