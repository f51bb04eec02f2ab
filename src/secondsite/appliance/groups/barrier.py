"""A barrier for the members of a group: when all views are ready, all are fixed at once."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ...domain import errors


class Barrier:
    """Each member either reaches `instant` or ends without it. One more thread opens the barrier."""

    def __init__(self, members: Iterable[str]) -> None:
        self._changed = threading.Condition()
        self._coming = frozenset(members)
        self._here: set[str] = set()
        self._through: set[str] = set()
        self._open = False

    @contextmanager
    def instant(self, member: str, longest_seconds: float) -> Iterator[None]:
        """Wait until the barrier opens, at most `longest_seconds`; the end of the context marks the member as
        done. Once open, the barrier stays open. Raises DeadlineExceeded."""
        with self._changed:
            self._here.add(member)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._open, longest_seconds):
                raise errors.DeadlineExceeded(
                    f"The other machines of the group were not ready within {longest_seconds:.0f} s.",
                    do="Nothing: the next common point is tried by itself.",
                )
        try:
            yield
        finally:
            self._pass(member)

    def ended(self, member: str) -> None:
        """The member has ended, with or without having reached the instant."""
        with self._changed:
            self._here.add(member)
        self._pass(member)

    def _pass(self, member: str) -> None:
        with self._changed:
            self._through.add(member)
            self._changed.notify_all()

    def wait_until_ready(self, longest_seconds: float) -> bool:
        """Wait until all members have reached the instant or ended; False after `longest_seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._coming <= self._here, longest_seconds)

    def let_through(self, longest_seconds: float) -> bool:
        """Open the barrier and wait until all members are done; False after `longest_seconds`."""
        with self._changed:
            self._open = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._coming <= self._through, longest_seconds)
