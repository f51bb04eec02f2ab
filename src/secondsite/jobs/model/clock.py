"""Where the time comes from: given to the engine, so that a test can set it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The host's time, aware, in UTC."""
    return datetime.now(UTC)
