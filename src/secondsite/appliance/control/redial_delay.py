"""How long to wait before the vault is dialled again: longer and longer, but not while it may be starting.

A vault that was killed is started again at once, and may have been in the midst of a batch. Meanwhile its
host refuses connections, which costs neither end much; so for some seconds after a connection has ended it is
dialled often.
"""

import time
from collections.abc import Callable

from ...ground.backoff import pause_seconds

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
STARTS_WITHIN_SECONDS = 15.0


class RedialDelay:
    """The pauses between tries to dial the vault; used by one thread. A vault may have several addresses:
    there is no pause until all have been tried."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tries = 0
        self._starts_until: float | None = None

    def dials(self) -> None:
        """Note one more try."""
        self._tries += 1

    def connected(self) -> None:
        """Note that the vault has answered: the next pause is the shortest one again."""
        self._tries = 1

    def ended(self) -> None:
        """Note that a connection over which the vault had answered has ended."""
        self._starts_until = self._monotonic() + STARTS_WITHIN_SECONDS

    def pause_seconds(self, addresses: int, nobody_listens: bool = False) -> float:
        """Seconds until the next try; `nobody_listens`: the vault's host refused this one."""
        rounds = -(-self._tries // addresses)
        if self._tries % addresses != 0:
            return 0.0
        if nobody_listens and self._may_be_starting:
            return FIRST_PAUSE_SECONDS
        return pause_seconds(rounds, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)

    def is_told(self, nobody_listens: bool) -> bool:
        """Whether this failed try is to be logged: of many within a few seconds only the first ones are."""
        return self._tries <= 2 or not (nobody_listens and self._may_be_starting)

    @property
    def _may_be_starting(self) -> bool:
        return self._starts_until is not None and self._monotonic() < self._starts_until
