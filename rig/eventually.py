"""Wait for a fact with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SHORTEST_SECONDS, LONGEST_SECONDS = 0.02, 0.2


def eventually(fn: Callable[..., T | None], within_seconds: float = 30) -> T:
    """Return the first truthy value of `fn()`; fail once `within_seconds` have passed, which are many on a
    quiet host: what comes there at once took ten and more at a load of 20.

    Who has waited long asks more seldom, and is told at most a twentieth later: a question to a vault takes 5
    ms of processor.
    """
    began = time.monotonic()
    while True:
        value = fn()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > within_seconds:
            raise AssertionError(f"did not happen within {within_seconds} s: last value was {value!r}")
        time.sleep(min(max(waited / 20, SHORTEST_SECONDS), LONGEST_SECONDS))
