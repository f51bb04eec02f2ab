"""Wait for a fact with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(fn: Callable[..., T | None], within_seconds: float = 10) -> T:
    """Return the first truthy value of `fn()`; fail once `within_seconds` have passed."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within_seconds} s: last value was {value!r}")
        time.sleep(0.02)
