"""Tells followers which jobs and machines have changed; they read the new state themselves.

Changes are numbered, and the last ones are remembered, so a follower who was away for a moment hears what it
missed.
"""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ....wire.rest import EventKind
from ..parts import Parts

REMEMBERED = 10_000
MACHINE: Final = "machine/"
"""The prefix of the vault's signals about a machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """A job or a machine has changed; `reset`: anything may have changed, so everything has to be read
    again."""

    kind: EventKind
    id: str = ""


Told = Callable[[int, Change], None]
"""Takes a change and its number. It must not block."""


class Events:
    """The changes of jobs and machines. Safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._life = uuid.uuid4().hex[:12]
        self._number = 0
        self._last: deque[tuple[int, Change]] = deque(maxlen=REMEMBERED)
        self._followers: list[Told] = []
        self._lock = threading.Lock()
        parts.jobs.changes.follow(self._job)
        parts.signals.overhear(MACHINE, self._machine)

    def mark(self, number: int) -> str:
        """The mark of a change, which a follower gives to `missed` to get everything after it."""
        return f"{self._life}-{number}"

    def mark_now(self) -> str:
        """The mark after which nothing has been told yet."""
        with self._lock:
            return self.mark(self._number)

    @contextmanager
    def following(self, told: Told) -> Iterator[None]:
        """Inside the block `told` is called with every change."""
        with self._lock:
            self._followers.append(told)
        try:
            yield
        finally:
            with self._lock:
                self._followers.remove(told)

    def missed(self, mark: str) -> list[tuple[int, Change]]:
        """The changes after the mark, each thing once with its last number; a reset if they are no longer
        remembered. A follower that is inside `following` misses none."""
        with self._lock:
            found = {change: number for number, change in self._after(mark)}
        return sorted(((number, change) for change, number in found.items()), key=lambda each: each[0])

    def _after(self, mark: str) -> list[tuple[int, Change]]:
        life, _, text = mark.rpartition("-")
        seen = int(text) if text.isdecimal() and len(text) < 20 else -1
        oldest = self._last[0][0] if self._last else self._number + 1
        if life != self._life or not oldest - 1 <= seen <= self._number:
            return [(self._number, Change(EventKind.RESET))]
        return [(number, change) for number, change in self._last if number > seen]

    def _job(self, job_id: str | None) -> None:
        self._tell(Change(EventKind.RESET) if job_id is None else Change(EventKind.JOB, job_id))

    def _machine(self, signal: str) -> None:
        self._tell(Change(EventKind.MACHINE, signal.removeprefix(MACHINE)))

    def _tell(self, change: Change) -> None:
        with self._lock:
            self._number += 1
            self._last.append((self._number, change))
            for told in self._followers:
                told(self._number, change)
