"""Connections that a cycle left open for the next one, of whichever machine: a handshake costs both sites more than the rest of
an idle cycle.

Only one that has come to the end of its cycle is kept, and it goes again when it has rested, or lived, for long, when the peer
does not answer on it as soon as one that is dialled would, or when certificates changed. Where it was used a moment ago, nobody waits for that
answer: what the cycle says first is on its way meanwhile."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import NamedTuple

from ...datapath.channel import Connection
from ...datapath.errors import DatapathError, PeerSilent

MOST_OF_ONE_PEER = 4
REST_SECONDS = 60.0
"""Well below what a target waits for the next cycle, and a firewall for the next packet."""
ANSWER_SECONDS = 5.0
LATELY_SECONDS = 15.0
"""A peer that answered then is likely to be there."""
LIFE_SECONDS = 600.0
"""Then the peer shows its certificate again."""


class _Resting(NamedTuple):
    connection: Connection
    until: float
    since: float


class KeptConnections:
    """Thread-safe; each connection is with one thread, or rests here."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._resting: defaultdict[Hashable, list[_Resting]] = defaultdict(list)
        self._drop_older_than = 0.0

    def take(self, peer: Hashable, asks: bool = True) -> Connection | None:
        """One that can carry a cycle now; those that cannot are closed. `asks` is False where what is said first is answered as soon as
        that question, so it is asked only after a long rest. Raises PeerSilent."""
        while (found := self._newest(peer)) is not None:
            if self._is_usable(found, asks):
                return found.connection
            found.connection.close()
        return None

    def give(self, peer: Hashable, connection: Connection) -> None:
        """Keep it, or close it if it cannot be kept."""
        now = self._now()
        until = min(now + REST_SECONDS, connection.made_at + LIFE_SECONDS)
        with self._lock:
            resting = self._resting[peer]
            fits = len(resting) < MOST_OF_ONE_PEER and connection.made_at > self._drop_older_than
            if fits and connection.between_cycles and connection.answers_whether_there:
                resting.append(_Resting(connection, until, now))
                return
        connection.close()

    def drop(self) -> None:
        """Close those that rest; those that are with a thread go when their cycle ends."""
        with self._lock:
            self._drop_older_than = self._now()
            dropped = [each for resting in self._resting.values() for each in resting]
            self._resting.clear()
        for each in dropped:
            each.connection.close()

    def _is_usable(self, found: _Resting, asks: bool) -> bool:
        now = self._now()
        if now >= found.until or found.connection.has_input():
            return False
        try:
            if now < found.since + LATELY_SECONDS:
                if asks:
                    found.connection.ask_whether_there(ANSWER_SECONDS)
                return True
            return found.connection.is_there(ANSWER_SECONDS)
        except PeerSilent:
            found.connection.close()
            self.drop()  # the link is down: to ask on each of them would take as long again
            raise
        except DatapathError:
            return False

    def _newest(self, peer: Hashable) -> _Resting | None:
        with self._lock:
            resting = self._resting[peer]
            return resting.pop() if resting else None
