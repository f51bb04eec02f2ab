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
        """Children that had not ended, when they were counted last; less those that ended since."""
        self._lock = threading.Lock()

    def tell(self, child: JobView) -> None:
        """A job has ended; call it after the commit."""
        parent_id, position = child.parent_job_id, child.parent_position
        if parent_id is None:
            return
        key = children.end_signal(parent_id, position)
        is_time = self._is_time(key)
        if is_time or self._may_be_the_last(key):
            counted = self._transactions.look(lambda session: children.count(session, parent_id, position))
            self._count(key, counted)
            if is_time or counted.all <= FEW or counted.ended == counted.all:
                self._signal(key)

    def _may_be_the_last(self, key: str) -> bool:
        """Each end is one less than were counted. Where other processes run some of them, or a count and an end cross, these are less
        than is known here, by as many as there are threads: so the last few are counted each time."""
        with self._lock:
            left = self._left.get(key, 0) - 1
            if left > 0:
                self._left[key] = left
        return left <= LAST or not self._transactions.is_alone

    def _count(self, key: str, counted: children.Counted) -> None:
        with self._lock:
            self._left.pop(key, None)
            if counted.ended < counted.all:
                self._left[key] = counted.all - counted.ended

    def _is_time(self, key: str) -> bool:
        now = self._monotonic()
        with self._lock:
            if now - self._told_at.get(key, -math.inf) < TOLD_EVERY_SECONDS:
                return False
            self._told_at = {told: at for told, at in self._told_at.items() if now - at < TOLD_EVERY_SECONDS}
            self._told_at[key] = now
            return True
