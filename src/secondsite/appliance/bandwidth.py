"""How fast this appliance sends: the site's schedule, as the vault told it last, and the limit of its own
configuration; the lower one holds. All streams of all machines share it.

The schedule is durable here, so that it holds without the vault and from the first byte after a restart.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from ..datapath.channel_limit import TokenBucket
from ..domain import bandwidth, errors
from ..domain.bandwidth import BandwidthSchedule
from ..wire.bandwidth import BandwidthShape
from .state import State

FACT = "site/bandwidth"
LOOK_SECONDS = 5.0
"""A window opens and closes within this time of its minute."""

log = structlog.get_logger(__name__)


class Bandwidth:
    """Keeps `limiter` at the rate of this moment."""

    def __init__(
        self,
        state: State,
        limiter: TokenBucket,
        own_limit: int | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state = state
        self._limiter = limiter
        self._own_limit = own_limit
        self._now = now
        self._schedule = _recalled(state)
        self._rate: int | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bandwidth", daemon=True)
        self.look()

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_seconds: float) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within_seconds)

    @property
    def rate(self) -> int | None:
        """Bytes per second that hold now; None without a limit."""
        return self._rate

    def set(self, shape: BandwidthShape) -> bool:
        """This schedule holds from now on, durably; False when it did already. Raises InvalidArgument."""
        schedule = shape.to_domain()
        with self._lock:
            if schedule == self._schedule:
                return False
            self._state.put_fact(FACT, shape.model_dump_json())
            self._schedule = schedule
        self.look()
        return True

    def look(self) -> None:
        """Give the limiter the rate of this moment."""
        with self._lock:
            rates = [self._own_limit, bandwidth.rate_at(self._schedule, self._now())]
            rate = min((each for each in rates if each is not None), default=None)
            self._limiter.set_rate(rate)
            if rate != self._rate:
                log.info("bandwidth.limit", bytes_per_second=rate)
            self._rate = rate

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.look()


def _recalled(state: State) -> BandwidthSchedule:
    text = state.fact(FACT)
    try:
        return BandwidthShape.model_validate_json(text).to_domain() if text else bandwidth.UNLIMITED
    except (ValidationError, errors.InvalidArgument) as problem:
        log.error("bandwidth.unreadable", problem=str(problem))
        return bandwidth.UNLIMITED
