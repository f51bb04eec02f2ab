"""Wakes jobs whose children end: at the last one, and now and then before, so that people see the progress.

If the parent of a thousand children looked at all of them each time one ends, it would look a million times.
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
"""At most this many threads run jobs."""


class Parents:
    """Counts the children that are left. Safe from any thread."""

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
        """Children that had not ended at the last count, less those that ended since it began."""
        self._ends = 0
        """The number of ends that were reported, of any parent."""
        self._lock = threading.Lock()

    def tell(self, child: JobView) -> None:
        """Report that a child job has ended; call it after the commit."""
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
        """Count one child less; gives the number of ends reported so far."""
        with self._lock:
            self._ends += 1
            if key in self._left:
                self._left[key] -= 1
            return self._ends

    def _may_be_the_last(self, key: str) -> bool:
        """Whether the parent has to be counted: fewer may be left than is known here, by children that other
        processes run, and by those whose end is written but not reported yet, at most one for each thread."""
        with self._lock:
            return self._left.get(key, 0) <= LAST or not self._transactions.is_alone

    def _count(self, key: str, counted: children.ChildCounts, ends: int) -> None:
        """Take over a count. Children that ended while it was made may be in it or not."""
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
