"""Decides whose work is done next: that of whomever the fewest workers serve."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class FairTurns:
    """Shares workers fairly, so that nobody's long work keeps the others' waiting."""

    def __init__(self, workers: int) -> None:
        """`workers`: how many there are, without the spare one."""
        self._workers = workers
        self._served: Counter[str] = Counter()
        self._lock = threading.Lock()

    def all_are_busy(self) -> bool:
        """Whether all workers but the spare one are busy, so that it has its turn."""
        return self._served.total() >= self._workers

    def order(self, work: Sequence[T], whose: Callable[[T], str], spare: bool) -> list[T]:
        """The order in which a worker is to try the work. The `spare` worker only has work while all others
        are busy, and only that of those whom nobody serves."""
        if spare and not self.all_are_busy():
            return []
        fair = sorted(work, key=lambda each: self._served[whose(each)])
        return [each for each in fair if not (spare and self._served[whose(each)])]

    @contextlib.contextmanager
    def taken(self, whose: str) -> Iterator[None]:
        """Inside the context one more worker counts as serving this one."""
        with self._lock:
            self._served[whose] += 1
        try:
            yield
        finally:
            with self._lock:
                self._served[whose] -= 1
