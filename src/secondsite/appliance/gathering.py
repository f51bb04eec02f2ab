"""Where the members of a group wait for each other: all views are ready, then all are fixed at once."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..domain import errors


class Gathering:
    """Each of the members named comes either to `instant` or to its end without it. One more thread opens the gate."""

    def __init__(self, members: Iterable[str]) -> None:
        self._changed = threading.Condition()
        self._coming = frozenset(members)
        self._here: set[str] = set()
        self._through: set[str] = set()
        self._open = False

    @contextmanager
    def instant(self, member: str, longest_seconds: float) -> Iterator[None]:
        """Wait for the gate, at most so long, and tell when what is inside the context is done. Who comes
        again finds the gate open. Raises DeadlineExceeded."""
        with self._changed:
            self._here.add(member)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._open, longest_seconds):
                raise errors.DeadlineExceeded(
                    f"The other machines of the group were not ready within {longest_seconds:.0f} s.",
                    do="The next common point is tried by itself.",
                )
        try:
            yield
        finally:
            self._pass(member)

    def ended(self, member: str) -> None:
        """The member has no more to do; it may never have come to the instant."""
        with self._changed:
            self._here.add(member)
        self._pass(member)

    def _pass(self, member: str) -> None:
        with self._changed:
            self._through.add(member)
            self._changed.notify_all()

    def wait_until_ready(self, longest_seconds: float) -> bool:
        """Until all are at the instant or ended; False when the time was over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._coming <= self._here, longest_seconds)

    def let_through(self, longest_seconds: float) -> bool:
        """Open the gate, and wait until all have what they came for; False when the time was over."""
        with self._changed:
            self._open = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._coming <= self._through, longest_seconds)
