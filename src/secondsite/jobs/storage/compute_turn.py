"""One thread that runs jobs computes at a time; the others wait for their turn, not for the interpreter's lock.

Each statement gives the interpreter's lock away for some microseconds. With eight threads that want it, each of these wakes one of them:
a batch spent a quarter of its processor time in the kernel, and waited for threads to wake. Whoever waits for a commit lets others compute.

It is a courtesy, not a lock: from whoever keeps a turn too long, because its step takes long or waits for something outside, the next in
line takes it over.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 0.02
"""Until a turn is taken over: some times what a thread computes between two commits, on a slow machine."""


class WorkTurn:
    """Safe from any thread. Threads that never take a turn are not held up."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._changed = threading.Condition(threading.Lock())
        self._holding: object | None = None
        """Another object for each turn, so that nobody gives back or takes over one that it does not mean."""
        self._here = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """For what this thread computes."""
        if self._mine() is not None:
            yield
            return
        self._take()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def left(self) -> Iterator[None]:
        """While this thread waits for others, if it computes in a turn."""
        if self._mine() is None:
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._take()

    def _mine(self) -> object | None:
        """The turn that this thread took; somebody else may have it by now."""
        mine: object | None = getattr(self._here, "mine", None)
        return mine

    def _take(self) -> None:
        with self._changed:
            while (kept := self._holding) is not None:
                if not self._changed.wait(self._patience_seconds) and self._holding is kept:
                    break
            self._here.mine = self._holding = object()

    def _leave(self) -> None:
        with self._changed:
            if self._holding is self._mine():
                self._holding = None
                self._changed.notify()
            self._here.mine = None
