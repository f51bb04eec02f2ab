"""Threads that make calls for others, who wait for a limited time only.

A thread for each call cost more than most calls of libvirt. One whose call nobody waits for any more goes
on with it, and serves again when it ends."""

import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ....ground import threads

MOST_RESTING = 8

Outcome = tuple[bool, Any]
"""Whether it went well; and the result, or the error."""
_Run = Callable[[], None]


class Callers:
    """Thread-safe. `around` is entered for each call, by the thread that makes it."""

    def __init__(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        self._around = around
        self._lock = threading.Lock()
        self._resting: list[queue.SimpleQueue[_Run]] = []
        self._this = threading.local()
        self.made = 0
        """How many threads there ever were."""

    def outcome(self, function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> Outcome:
        """The call's outcome; raises TimeoutError. What a call calls through here is a part of it, with
        its time."""
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
