"""Threads that make calls for others, which wait only for a limited time.

A new thread for each call cost more than most calls of libvirt. A thread whose call is not waited for any
more goes on with it, and serves other calls afterwards."""

import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ....ground import threads

MOST_RESTING = 8

Outcome = tuple[bool, Any]
"""Whether the call succeeded, and its result or its error."""
_Run = Callable[[], None]


class Callers:
    """A pool of such threads. Thread-safe. `around` is a context that each call runs in."""

    def __init__(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        self._around = around
        self._lock = threading.Lock()
        self._resting: list[queue.SimpleQueue[_Run]] = []
        self._this = threading.local()
        self.made = 0
        """How many threads were made so far."""

    def outcome(self, function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> Outcome:
        """The call's outcome; raises TimeoutError. A call made inside another one is a part of that: the same
        deadline applies."""
        if getattr(self._this, "calls", False):
            return _tried(function, arguments)
        answer: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        inbox = self._rested() or self._new()

        def run() -> None:
            found = _tried(self._around_it, (function, *arguments))
            self._rest(inbox)  # before the answer, or who asks next would need another thread
            answer.put(found)

        inbox.put(run)
        try:
            return answer.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None

    def _around_it(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with self._around():
            return function(*arguments)

    def _rested(self) -> "queue.SimpleQueue[_Run] | None":
        with self._lock:
            return self._resting.pop() if self._resting else None

    def _rest(self, inbox: "queue.SimpleQueue[_Run]") -> None:
        with self._lock:
            self._resting.append(inbox)

    def _new(self) -> "queue.SimpleQueue[_Run]":
        inbox: queue.SimpleQueue[_Run] = queue.SimpleQueue()
        self.made += 1
        threads.worker(f"libvirt-call-{self.made}", self._serve, inbox).start()
        return inbox

    def _serve(self, inbox: "queue.SimpleQueue[_Run]") -> None:
        self._this.calls = True
        while True:
            inbox.get()()
            with self._lock:
                if len(self._resting) > MOST_RESTING and inbox in self._resting:
                    self._resting.remove(inbox)
                    return


def _tried(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    try:
        return True, function(*arguments)
    except BaseException as error:
        return False, error
