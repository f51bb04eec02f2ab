"""Connections to other sites' appliances: certificate, bandwidth limit, compression."""

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ...datapath import channel
from ...datapath import errors as datapath_errors
from ...datapath.channel import Connection, TlsFiles, TokenBucket
from ...datapath.errors import DatapathError, PeerSilent
from ...datapath.frames import Choice, Learnt
from .config import ApplianceConfig

CONNECT_SECONDS = 5.0


class Peers:
    """Dials data ports. All streams of this appliance share one bandwidth limit. `admits` says whether a
    certificate with this name and key is still accepted."""

    def __init__(
        self,
        config: ApplianceConfig,
        admits: Callable[[str, str], bool] = lambda _peer_name, _key_sha256: True,
    ) -> None:
        self._admits = admits
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.tls = TlsFiles(config.certificate, config.key, config.ca)
        self.limiter = TokenBucket(config.bandwidth_bytes_per_second)
        self._idle_seconds = config.peer_idle_seconds
        self._learnt: defaultdict[str, Learnt] = defaultdict(Learnt)
        self.kept = KeptConnections()

    def choice(self, peer_name: str) -> Choice:
        """The choice of compression for a new stream to this peer; begins with what other streams
        measured."""
        return Choice(learnt=self._learnt[peer_name])

    @contextmanager
    def connected(
        self, addresses: tuple[str, ...], peer_name: str, asks: bool = True
    ) -> Iterator[Connection]:
        """A connection for one cycle: one that an earlier cycle left open, or a new one; `asks` as in
        KeptConnections. Raises the same errors as `connect`. An error inside closes it; if the peer is
        silent, all resting connections are closed."""
        peer = (peer_name, addresses)
        connection = self.kept.take(peer, asks) or self.connect(addresses, peer_name)
        try:
            yield connection
        except BaseException as problem:
            connection.close()
            if isinstance(problem, datapath_errors.PeerSilent):
                self.kept.drop()
            raise
        self.kept.give(peer, connection)

    def connect(
        self, addresses: tuple[str, ...], peer_name: str | None, connect_seconds: float = CONNECT_SECONDS
    ) -> Connection:
        """Connect to the first address that answers as `peer_name`. Raises the DatapathError of the last
        address."""
        problem: Exception = datapath_errors.PeerUnreachable(
            f"the peer {peer_name or ''} has no address",
            do="give the other appliance an advertised data address",
        )
        for address in addresses:
            host, _colon, port = address.rpartition(":")
            try:
                return self._admitted(channel.dial(
                    host.strip("[]"), int(port), self.tls, peer_name=peer_name,
                    connect_seconds=connect_seconds,
                    idle_seconds=self._idle_seconds, limiter=self.limiter,
                ))  # fmt: skip
            except (datapath_errors.DatapathError, ValueError) as error:
                problem = error
        raise problem

    def look_again(self) -> None:
        """Cut the connections to peers that are no longer admitted."""
        with self._lock:
            for connection in list(self._open):
                if not self._admits(connection.peer_name, connection.peer_key):
                    connection.cut()

    def _admitted(self, connection: Connection) -> Connection:
        with self._lock:  # or a change between the two would cut nothing
            self._open.add(connection)
            admitted = self._admits(connection.peer_name, connection.peer_key)
        if not admitted:
            connection.close()
            raise datapath_errors.PeerNotEnrolled(
                f"{connection.peer_name} shows a key that the vault does not count as its own",
                do=(
                    "find out who answers at the address of its data port: the key was replaced, or the "
                    "appliance deleted; if it was enrolled a moment ago, try again"
                ),
            )
        return connection


# Connections that a cycle left open for the next one, of whichever machine: a handshake costs both sites more
# than the rest of an idle cycle. Only one whose cycle was completed is kept. It is closed when it has rested,
# or lived, for long, when the peer does not answer on it as soon as one that is dialled would, or when
# certificates changed. If it was used a moment ago, that answer is not waited for: the cycle's first message
# is sent meanwhile.

MOST_OF_ONE_PEER = 4
REST_SECONDS = 60.0
"""How long a connection rests: well below what a target waits for the next cycle, and a firewall for the next
packet."""
ANSWER_SECONDS = 5.0
LATELY_SECONDS = 15.0
"""A peer that answered within this time is likely to be there."""
LIFE_SECONDS = 600.0
"""The longest life of a connection: then the peer must show its certificate again."""


class _IdleConnection(NamedTuple):
    connection: Connection
    until: float
    since: float


class KeptConnections:
    """Open connections that wait for their next cycle. Thread-safe: each is used by one thread, or rests
    here."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._resting: defaultdict[Hashable, list[_IdleConnection]] = defaultdict(list)
        self._drop_older_than = 0.0

    def take(self, peer: Hashable, asks: bool = True) -> Connection | None:
        """A connection that can carry a cycle now, or None; those that cannot are closed. Before it is used,
        the peer is asked whether it is there; with `asks` False only after a long rest, because the cycle's
        first message is answered as soon. Raises PeerSilent."""
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
                resting.append(_IdleConnection(connection, until, now))
                return
        connection.close()

    def drop(self) -> None:
        """Close those that rest; those in use are closed when their cycle ends."""
        with self._lock:
            self._drop_older_than = self._now()
            dropped = [each for resting in self._resting.values() for each in resting]
            self._resting.clear()
        for each in dropped:
            each.connection.close()

    def _is_usable(self, found: _IdleConnection, asks: bool) -> bool:
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

    def _newest(self, peer: Hashable) -> _IdleConnection | None:
        with self._lock:
            resting = self._resting[peer]
            return resting.pop() if resting else None
