"""How late the process comes to what it has to do: when its loop is blocked, all its clients wait."""

import asyncio
import time
from collections import deque

EVERY_SECONDS = 1.0
KEPT = 60


class LoopLag:
    """Looks once a second, from when somebody first wants to know."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=KEPT)
        self._due: float | None = None

    def begin(self) -> None:
        """Begin to look in the running loop; harmless if it does."""
        if self._due is None:
            self._next(asyncio.get_running_loop())

    @property
    def most_seconds(self) -> float:
        """The longest of the last minute."""
        return max(self._late, default=0.0)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = time.monotonic() + EVERY_SECONDS
        loop.call_later(EVERY_SECONDS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._due is not None:
            self._late.append(max(0.0, time.monotonic() - self._due))
        self._next(loop)
