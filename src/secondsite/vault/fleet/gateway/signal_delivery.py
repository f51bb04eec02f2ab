"""Delivers signals to those who wait. Each may have to wait for a commit; several at once share one."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import structlog

from ....domain import errors
from ....ground import threads
from ...interfaces import Signals

log = structlog.get_logger()

TELLERS = 4
ORDER = "order/"


def is_delivered(deliver: Callable[[], None]) -> bool:
    """Whether `deliver` succeeded; False if the database is away. Any other failure is logged, and counts as
    delivered."""
    try:
        deliver()
    except errors.StoreUnavailable as problem:
        log.warning("delivery.refused", problem=problem.message)
        return False
    except Exception:
        log.exception("delivery.failed")
    return True


class SignalDelivery:
    """Delivers signals in a thread of its own. Safe from any thread. A signal that waits already is delivered
    once; those of orders go first."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._of_orders: OrderedDict[str, None] = OrderedDict()
        self._others: OrderedDict[str, None] = OrderedDict()
        self._came = threading.Condition()
        self._is_ending = False
        self._threads = [threads.worker(f"gateway-signals-{number}", self._run) for number in range(TELLERS)]

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def __call__(self, key: str) -> None:
        """Deliver the signal soon. Never blocks."""
        with self._came:
            (self._of_orders if key.startswith(ORDER) else self._others)[key] = None
            self._came.notify()

    def close(self, deadline_seconds: float) -> None:
        """Deliver what waits, then end; at the deadline the rest is dropped: steps that wait run again at
        their next start."""
        with self._came:
            self._is_ending = True
            self._came.notify_all()
        if threads.have_ended(self._threads, deadline_seconds):
            return
        with self._came:
            dropped = len(self._of_orders) + len(self._others)
            self._of_orders.clear()
            self._others.clear()
        log.warning("delivery.given-up", signals=dropped)
        threads.have_ended(self._threads, deadline_seconds)

    def _run(self) -> None:
        while (key := self._next()) is not None:
            is_delivered(partial(self._signals, key))

    def _next(self) -> str | None:
        with self._came:
            self._came.wait_for(lambda: self._of_orders or self._others or self._is_ending)
            waiting = self._of_orders or self._others
            return waiting.popitem(last=False)[0] if waiting else None
