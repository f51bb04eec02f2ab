"""The engine's clock: given to it, so that a test can set it."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

Clock = Callable[[], datetime]

PROMPT_SECONDS = 1.0
"""The longest answer of the database that is believed, in seconds: after a longer one it is not known when it
was true, since this process may have been stopped meanwhile."""
SAME = timedelta(seconds=0.2)
DIFFERS = timedelta(seconds=10)
TOLD_EVERY_SECONDS = 600.0

log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The host's time, aware, in UTC."""
    return datetime.now(UTC)


class SharedClock:
    """The clock of the database as last read, carried on by the host's monotonic clock: the same for all
    processes that share the database, whatever the clocks of their hosts show. Before the first reading it is
    the host's clock. Safe from any thread."""

    def __init__(self, host: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._heard: tuple[datetime, float] | None = None
        self._told_at = -TOLD_EVERY_SECONDS

    def __call__(self) -> datetime:
        heard = self._heard
        return self._host() if heard is None else self._since(heard)

    def hear(self, now: datetime, asked_at: float) -> None:
        """Take over the database's time `now`, read at `asked_at` of the monotonic clock. While it agrees
        with the clock nothing changes: a slow answer does not set the clock back."""
        at = self._monotonic()
        if at - asked_at > PROMPT_SECONDS:
            return
        with self._lock:
            if self._heard is None or abs(self._since(self._heard) - now) > SAME:
                self._heard = (now, at)
        self._tell(self._host() - now, at)

    def _since(self, heard: tuple[datetime, float]) -> datetime:
        then, at = heard
        return then + timedelta(seconds=self._monotonic() - at)

    def _tell(self, ahead: timedelta, at: float) -> None:
        if abs(ahead) > DIFFERS and at - self._told_at >= TOLD_EVERY_SECONDS:
            self._told_at = at
            log.warning(
                "clock.differs",
                ahead_seconds=round(ahead.total_seconds()),
                do=(
                    "The clock of this host and that of the database's host differ: let both follow a time "
                    "service. Jobs go by the database's."
                ),
            )
