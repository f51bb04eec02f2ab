"""Limits how many requests wait at once: each holds a thread, and some are always left for other requests."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ...domain import errors
from .callers import Caller

MOST, MOST_OF_ONE = 12, 6
"""The most requests that wait at once, of all tokens and of one token."""


class WaitingRequests:
    """Counts waiting requests; several waits of one request count as one. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: Counter[int] = Counter()
        self._requests: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: Caller) -> Iterator[None]:
        """A context for a request that waits; the vault itself may always. Raises DeadlineExceeded when too
        many wait."""
        if not caller.token_id:
            yield
            return
        self._enter(caller)
        try:
            yield
        finally:
            self._leave(caller)

    def _enter(self, caller: Caller) -> None:
        with self._lock:
            if not self._parts[id(caller)]:
                self._refuse_more(caller)
                self._requests[caller.token_id] += 1
            self._parts[id(caller)] += 1

    def _refuse_more(self, caller: Caller) -> None:
        theirs = self._requests[caller.token_id]
        if theirs >= MOST_OF_ONE or self._requests.total() >= MOST:
            raise errors.DeadlineExceeded(
                (
                    f"{theirs} requests of token '{caller.name}', and {self._requests.total()} of all, take "
                    "long already."
                ),
                do="Ask again in some seconds, and send fewer requests at once.",
            )

    def _leave(self, caller: Caller) -> None:
        with self._lock:
            self._parts[id(caller)] -= 1
            if not self._parts[id(caller)]:
                del self._parts[id(caller)]
                self._requests[caller.token_id] -= 1
