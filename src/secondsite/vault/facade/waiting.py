"""Requests that wait. How many do so at once is limited: each holds a thread, and some are always left for
others. Those that wait for the same answer share one."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Generic, TypeVar

from ...domain import errors
from .callers import Caller

T = TypeVar("T")
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


class SingleFlight(Generic[T]):
    """Gives one answer to all who ask for the same at the same time. It is begun after each of them asked, so
    it is as new as an answer of their own. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[Hashable, futures.Future[T]] = {}
        self._made: dict[Hashable, futures.Future[T]] = {}

    def __len__(self) -> int:
        """How many answers are asked for, or being made."""
        with self._lock:
            return len(self._next) + len(self._made)

    def give(self, key: Hashable, make: Callable[[], T], within_seconds: float) -> T:
        """The answer of `make` to this key. Raises what `make` raises, or DeadlineExceeded."""
        with self._lock:
            shared = self._next.get(key)
            if shared is None:
                own = self._next[key] = futures.Future()
                before = self._made.get(key)
        if shared is not None:
            return _result(shared, within_seconds)
        if before is not None:
            futures.wait([before], within_seconds)
        self._make(key, own, make)
        return own.result()

    def _make(self, key: Hashable, own: futures.Future[T], make: Callable[[], T]) -> None:
        with self._lock:
            self._made[key] = self._next.pop(key)
        try:
            own.set_result(make())
        except BaseException as problem:  # those who share it must not wait for ever
            own.set_exception(problem)
        with self._lock:
            if self._made.get(key) is own:
                del self._made[key]


def _result(shared: futures.Future[T], within_seconds: float) -> T:
    try:
        return shared.result(within_seconds)
    except futures.TimeoutError:
        raise errors.DeadlineExceeded(
            f"The vault did not answer within {within_seconds:.0f} s.", do="Ask again in some seconds."
        ) from None
