"""Whose work is done next: that of whom the fewest workers serve."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class FairTurns:
    """So nobody keeps the others' work waiting, however long their own takes."""

    def __init__(self, workers: int) -> None:
        """There is a spare one besides these."""
        self._workers = workers
        self._served: Counter[str] = Counter()
        self._lock = threading.Lock()

    def all_are_busy(self) -> bool:
        """But the spare one, which then has its turn."""
        return self._served.total() >= self._workers

    def order(self, work: Sequence[T], whose: Callable[[T], str], spare: bool) -> list[T]:
        """In which order to try it. While all others are busy the `spare` worker serves those whom nobody
        serves."""
        if spare and not self.all_are_busy():
            return []
        fair = sorted(work, key=lambda each: self._served[whose(each)])
        return [each for each in fair if not (spare and self._served[whose(each)])]

    @contextlib.contextmanager
    def taken(self, whose: str) -> Iterator[None]:
        """While a worker serves them."""
        with self._lock:
            self._served[whose] += 1
        try:
            yield
        finally:
            with self._lock:
                self._served[whose] -= 1
