"""One thread that runs jobs computes at a time; the others wait for their turn, not for the interpreter's lock.

Each statement gives the interpreter's lock away for some microseconds. With eight threads that want it, each of these wakes one of them:
a batch spent a quarter of its processor time in the kernel, and waited for threads to wake. Whoever waits for a commit lets others compute.

It is a courtesy, not a lock: a step that takes long, or waits for something outside, holds the others up once, and a moment only.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 0.05
"""Until the others go on without a turn, as long as its holder keeps it."""


class WorkTurn:
    """Safe from any thread. Threads that never take a turn are not held up."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._lock = threading.Lock()
        self._patience_seconds = patience_seconds
        self._is_kept = False
        self._here = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """For what this thread computes."""
        self._take()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def left(self) -> Iterator[None]:
        """While this thread waits for others, if it has the turn."""
        if not self._leave():
            yield
            return
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        patience = 0.0 if self._is_kept else self._patience_seconds
        has_it = self._lock.acquire(timeout=patience)
        self._is_kept = not has_it
        self._here.has_it = has_it

    def _leave(self) -> bool:
        has_it = getattr(self._here, "has_it", False)
        if has_it:
            self._here.has_it = self._is_kept = False
            self._lock.release()
        return has_it
