"""One at a time on a machine: a lock that tells its purpose, has a deadline, and lets orders go before the loop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..domain import errors

GRACE_SECONDS = 0.5
"""How long a holder that gives way may still go on: it may be about to end."""


class Holding:
    """`about` names what is held; `gone` says whether it was removed while somebody waited."""

    def __init__(self, about: Callable[[], str], gone: Callable[[], bool]) -> None:
        self._about = about
        self._gone = gone
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._waiting = 0
        self._holder = ""
        self._give_way: Callable[[], None] | None = None

    @contextmanager
    def hold(
        self, purpose: str, within_seconds: float, give_way: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Have it alone; raises DeadlineExceeded naming who has it, NotFound when it was removed meanwhile. Whoever
        waits for us calls `give_way`, and we then end soon."""
        self._count(1)
        try:
            if not self._acquire(max(0.0, within_seconds)):
                raise errors.DeadlineExceeded(
                    f"{purpose} of {self._about()} waited {within_seconds:.0f} s for the end of: {self._holder}.",
                    do="Retry; if it happens again look at the load of the hypervisor and of the store.",
                )
        finally:
            self._count(-1)
        try:
            if self._gone():
                raise errors.NotFound(
                    f"{self._about()} was removed.", do="Enable the machine's protection again."
                )
            self._holder, self._give_way = purpose, give_way
            yield
        finally:
            self._give_way = None
            self._lock.release()

    @contextmanager
    def try_hold(self, purpose: str) -> Iterator[bool]:
        """Have it alone if nobody has it or waits for it; tells whether."""
        if self._waiting or not self._lock.acquire(blocking=False):
            yield False
            return
        try:
            self._holder = purpose
            yield not self._gone()
        finally:
            self._lock.release()

    def _acquire(self, within_seconds: float) -> bool:
        grace = min(GRACE_SECONDS, within_seconds)
        if self._lock.acquire(timeout=grace):
            return True
        give_way = self._give_way
        if give_way is not None:
            give_way()
        return self._lock.acquire(timeout=within_seconds - grace)

    def _count(self, more: int) -> None:
        with self._count_lock:
            self._waiting += more
