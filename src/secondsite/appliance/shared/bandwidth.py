"""The bandwidth limit of this appliance: the lower of the site's schedule, as the vault last sent it, and its
own configuration. All streams of all machines share it.

The schedule is durable here, so it applies without the vault and from the first byte after a restart.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from ...datapath.channel import TokenBucket
from ...domain import bandwidth_schedule, errors
from ...domain.bandwidth_schedule import BandwidthSchedule
from ...ground.periodic import Periodic
from ...wire.common.bandwidth import BandwidthShape
from .state import State

FACT = "site/bandwidth"
LOOK_SECONDS = 5.0
"""A window of the schedule opens and closes at most this late."""

log = structlog.get_logger(__name__)


class Bandwidth(Periodic):
    """Keeps `limiter` at the current rate."""

    def __init__(
        self,
        state: State,
        limiter: TokenBucket,
        own_limit: int | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__("bandwidth", lambda error: log.error("bandwidth.failed", exc_info=error))
        self._state = state
        self._limiter = limiter
        self._own_limit = own_limit
        self._now = now
        self._schedule = _recalled(state)
        self._rate: int | None = None
        self._lock = threading.Lock()
        self.look()

    @property
    def rate(self) -> int | None:
        """The current limit in bytes per second; None without a limit."""
        return self._rate

    def set(self, shape: BandwidthShape) -> bool:
        """Set the schedule, durably; False if nothing changed. Raises InvalidArgument."""
        schedule = shape.to_domain()
        with self._lock:
            if schedule == self._schedule:
                return False
            self._state.put_fact(FACT, shape.model_dump_json())
            self._schedule = schedule
        self.look()
        return True

    def look(self) -> None:
        """Give the limiter the current rate."""
        with self._lock:
            rates = [self._own_limit, bandwidth_schedule.rate_at(self._schedule, self._now())]
            rate = min((each for each in rates if each is not None), default=None)
            self._limiter.set_rate(rate)
            if rate != self._rate:
                log.info("bandwidth.changed", bytes_per_second=rate)
            self._rate = rate

    def pause_seconds(self) -> float:
        return LOOK_SECONDS


def _recalled(state: State) -> BandwidthSchedule:
    text = state.fact(FACT)
    try:
        return BandwidthShape.model_validate_json(text).to_domain() if text else bandwidth_schedule.UNLIMITED
    except (ValidationError, errors.InvalidArgument) as problem:
        log.error("bandwidth.unreadable", problem=str(problem))
        return bandwidth_schedule.UNLIMITED
