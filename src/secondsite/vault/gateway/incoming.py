"""Facts and signals on their way from the network's thread to the code that records them.

The network's thread must never wait for a database, so what it learns is delivered by one other thread, in the
order it came.
"""

import queue
from collections.abc import Callable
from functools import partial
from typing import ParamSpec

import structlog

from ...domain import errors
from ...ground import threads

log = structlog.get_logger()

What = ParamSpec("What")


class Delivery:
    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threads.worker("gateway-facts", self._run)

    def start(self) -> None:
        self._thread.start()

    def post(self, receive: Callable[What, None], *what: What.args, **named: What.kwargs) -> None:
        """Deliver later; a receiver that fails is logged and the next delivery goes on."""
        self._posted.put(partial(receive, *what, **named))

    def close(self, deadline_seconds: float) -> None:
        """Deliver what was posted, then end. At the deadline, what still waits for the database is given up: appliances
        report it again to the next vault."""
        self._posted.put(None)
        if self._thread.is_alive():
            self._thread.join(deadline_seconds)

    def _run(self) -> None:
        while (deliver := self._posted.get()) is not None:
            try:
                deliver()
            except errors.StoreUnavailable as problem:
                log.warning("delivery.refused", problem=problem.message)
            except Exception:
                log.exception("delivery.failed")
