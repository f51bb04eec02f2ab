"""What secrets open, as this process knows it without asking the database."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

K = TypeVar("K")
Change = Callable[[], None]


class KnownSecrets(Generic[K]):
    """A cache of tokens and sessions by the digest of the secret that was shown. While a transaction changes
    one, nothing is kept, and everything is forgotten when it begins to and when it has ended, with or without
    success: so no later request is let in by an outdated one. Safe from any thread.

    Correct only if all changes are made by this process: with PostgreSQL the database is asked each time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = 0
        self._open = 0
        self._found: dict[str, K] = {}

    @property
    def changes(self) -> int:
        """How often everything was forgotten."""
        return self._changes

    def find(self, secret_sha256: str) -> K | None:
        return self._found.get(secret_sha256)

    def keep(self, secret_sha256: str, found: K, changes: int) -> None:
        """Keep it, unless something has changed since `changes` was read, or is about to."""
        with self._lock:
            if changes == self._changes and not self._open:
                self._found[secret_sha256] = found

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """Wraps a transaction, which has to call the given function before it changes one."""
        begun: list[bool] = []

        def begin() -> None:
            if not begun:
                begun.append(True)
                self.begin()

        try:
            yield begin
        finally:
            if begun:
                self._forget(-1)

    def begin(self) -> None:
        """A transaction changes one. If its end is never reported, nothing is kept any more."""
        self._forget(1)

    def _forget(self, more_open: int) -> None:
        with self._lock:
            self._open += more_open
            self._changes += 1
            self._found = {}
