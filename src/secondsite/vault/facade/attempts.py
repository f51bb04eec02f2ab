"""Attempts to log in that failed slow the next ones, by name and by address.

Nobody is locked out: whoever guesses at a name delays it by half a minute, at his own address alone. Only
many addresses together delay it for others, by seconds, and not for that from which its owner came last. What
is counted is of this process, and is forgotten when it ends.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ...domain import errors
from ...ground.connection_limits import origin

MOST_KEPT = 10_000
"""The most names and addresses that are counted."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many attempts at once, and then one more each time that `seconds` have passed."""

    burst: int
    seconds: float


OF_A_NAME, OF_AN_ADDRESS, OF_ALL = Allowance(5, 30.0), Allowance(20, 5.0), Allowance(50, 0.25)
"""That of a name is for one address."""
OF_A_NAME_ANYWHERE = Allowance(30, 3.0)
OF_A_CODE = Allowance(5, 300.0)
"""Of a million codes three count at a time: whoever knows the password guesses one in years."""
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt with this name (empty: without one) from this address. `came_from`: the address from which
    the name's owner came last. `has_code`: it is that of a code of the second factor, whose password was
    right."""

    name: str
    address: str
    came_from: str = ""
    has_code: bool = False


class Attempts:
    """Counts attempts. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[Key, float] = {}
        """When all attempts are free again."""

    def begin(self, attempt: Attempt) -> None:
        """Count an attempt. Raises TooManyAttempts."""
        now, keys = self._clock(), _keys(attempt)
        with self._lock:
            wait = max(self._wait(key, allowed, now) for key, allowed in keys.items())
            if wait > 0:
                raise _too_many(wait)
            for key, allowed in keys.items():
                self._free_at[key] = max(self._free_at.get(key, now), now) + allowed.seconds
            if len(self._free_at) > MOST_KEPT:
                self._forget(now)

    def succeeded(self, attempt: Attempt) -> None:
        """The attempt, which was counted, was no guess: it does not count."""
        with self._lock:
            for key, allowed in _keys(attempt).items():
                self._free_at[key] = self._free_at.get(key, 0.0) - allowed.seconds

    def _wait(self, key: Key, allowed: Allowance, now: float) -> float:
        used_seconds = max(self._free_at.get(key, now) - now, 0.0)
        return used_seconds + allowed.seconds - allowed.burst * allowed.seconds

    def _forget(self, now: float) -> None:
        """Forget whoever is free anyway; if too many are left, those that tried least."""
        kept = sorted(((at, key) for key, at in self._free_at.items() if at > now), reverse=True)
        self._free_at = {key: at for at, key in kept[: MOST_KEPT // 2]}


def _keys(attempt: Attempt) -> dict[Key, Allowance]:
    called, there = " ".join(attempt.name.casefold().split()), _origin(attempt.address)
    is_owners = bool(called and attempt.came_from and there == _origin(attempt.came_from))
    if attempt.has_code:
        return {("owner's code" if is_owners else "code", called): OF_A_CODE}
    if is_owners:
        return {("owner", called): OF_A_NAME}
    keys: dict[Key, Allowance] = {("address", there): OF_AN_ADDRESS, ("all",): OF_ALL}
    if called:
        keys["name", called, there] = OF_A_NAME
        keys["name", called] = OF_A_NAME_ANYWHERE
    return keys


def _origin(address: str) -> str:
    try:
        return origin(address)
    except ValueError:  # no address: a test, or a socket
        return address


def _too_many(wait: float) -> errors.TooManyAttempts:
    refused = errors.TooManyAttempts(
        "Too many attempts to log in failed a short while ago.",
        do=f"Try again in {max(1, round(wait))} s: until then no attempt counts, not even a right one.",
    )
    refused.retry_after_seconds = wait
    return refused
