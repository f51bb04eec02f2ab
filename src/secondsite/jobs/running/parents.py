"""Wakes jobs whose children end: at the last one, and now and then before, so that people see how far it is.

A batch of a thousand that looked at each end would look at a million children.
"""

import math
import time
from collections.abc import Callable

from ..model.views import JobView
from ..storage.transactions import Transactions
from . import children

TOLD_EVERY_SECONDS = 1.0
FEW = 20


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

    def tell(self, child: JobView) -> None:
        """A job has ended; call it after the commit."""
        parent_id, position = child.parent_job_id, child.parent_position
        if parent_id is None:
            return
        key = children.end_signal(parent_id, position)
        counted = self._transactions.look(lambda session: children.count(session, parent_id, position))
        if counted.all <= FEW or counted.ended == counted.all or self._is_time(key):
            self._signal(key)

    def _is_time(self, key: str) -> bool:
        now = self._monotonic()
        if now - self._told_at.get(key, -math.inf) < TOLD_EVERY_SECONDS:
            return False
        self._told_at = {told: at for told, at in self._told_at.items() if now - at < TOLD_EVERY_SECONDS}
        self._told_at[key] = now
        return True
