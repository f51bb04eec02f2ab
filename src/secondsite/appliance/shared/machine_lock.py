"""A lock per machine: its owner names a purpose, waiting has a deadline, and orders go before the loop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...domain import errors

GRACE_SECONDS = 0.5
"""How long a waiter waits before it asks the owner to end soon: the owner may be about to finish."""


class MachineLock:
    """One machine's lock. `about` names what is locked; `gone` says whether it was removed while somebody
    waited."""

    def __init__(self, about: Callable[[], str], gone: Callable[[], bool]) -> None:
        self._about = about
        self._gone = gone
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._waiting = 0
        self._holder = ""
        self._end_soon: Callable[[], None] | None = None

    @contextmanager
    def acquire(
        self, purpose: str, within_seconds: float, end_soon: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Lock it inside the context. Raises DeadlineExceeded naming the owner, NotFound if it was removed
        meanwhile. A waiter calls `end_soon`, on which the owner must end soon."""
        self._count(1)
        try:
            if not self._acquire(max(0.0, within_seconds)):
                raise errors.DeadlineExceeded(
                    (
                        f"{purpose} of {self._about()} waited {within_seconds:.0f} s for the end of: "
                        f"{self._holder}."
                    ),
                    do="Retry; if it happens again, look at the load of the hypervisor and of the store.",
                )
        finally:
            self._count(-1)
        try:
            if self._gone():
                raise errors.NotFound(
                    f"{self._about()} was removed.", do="Enable the machine's protection again."
                )
            self._holder, self._end_soon = purpose, end_soon
            yield
        finally:
            self._end_soon = None
            self._lock.release()

    @contextmanager
    def try_acquire(self, purpose: str) -> Iterator[bool]:
        """Lock it inside the context if nobody has it or waits for it; yields whether it is locked."""
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
        end_soon = self._end_soon
        if end_soon is not None:
            end_soon()
        return self._lock.acquire(timeout=within_seconds - grace)

    def _count(self, more: int) -> None:
        with self._count_lock:
            self._waiting += more
