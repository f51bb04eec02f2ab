"""The connections of one port. A connection that has not shown a valid credential is a stranger.

A stranger is cut after a while; and if there are too many connections, or too many from one address, the
oldest stranger is cut for a new one. Known peers stay. All methods are called in the thread of one event
loop, or under one lock.
"""

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from .barrier import Barrier
from .tally import Tally

LOOK_EVERY_SECONDS = 0.25
TRUSTED_SECONDS = 86_400.0
EVERYBODY = ""
Peer = tuple[str, int]


class Line(Protocol):
    """A connection that can be cut; a socket is one."""

    def shutdown(self, how: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one port. `per_address`: connections of one address at once; `per_second`: new ones of
    one address, after a `burst`."""

    most: int = 500
    """The most connections at once. One with TLS takes up to half a megabyte of memory."""
    per_address: int = 100
    per_second: float = 20.0
    """New connections per second of one address. A handshake takes a millisecond or two of the processor."""
    burst: int = 40
    trusted_per_second: float = 100.0
    """New connections per second from an address from which a known peer came in the last day; as many may
    come at once."""
    strangers_per_second: float = 50.0
    """New connections per second from all other addresses together; as many may come at once."""
    stranger_seconds: float = 30.0
    """Seconds in which a stranger must finish the handshake and show a valid credential."""
    per_credential: int = 100
    """Connections at once with one credential, from any address; with more, the oldest of them is cut."""
    idle_seconds: float = 60.0
    """Seconds after which an idle connection of a known peer is cut. Libraries close idle connections sooner;
    this ends half-sent requests."""


@dataclass(eq=False, slots=True)
class _Visitor:
    connection: Line
    address: str
    since: float
    known: bool = False
    who: str = ""
    asking: int = 0


class _Bucket:
    def __init__(self, most: float, now: float) -> None:
        self._left = most
        self.at = now

    def take(self, per_second: float, most: float, now: float) -> bool:
        """Take one new connection from the budget; False if there is none left."""
        self._left = min(most, self._left + (now - self.at) * per_second)
        self.at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True)
class Visitors:
    """The connections of one port. `tally` gets each refusal, with its reason and address."""

    limits: Limits
    tally: Tally
    clock: Callable[[], float] = time.monotonic
    barrier: Barrier = field(init=False)
    _here: dict[Peer, _Visitor] = field(default_factory=dict)
    _leaving: set[Line] = field(default_factory=set)
    """Connections that were cut and are not closed yet."""
    _from: Counter[str] = field(default_factory=Counter)
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _trusted: dict[str, float] = field(default_factory=dict)
    """Addresses from which known peers came, and when the last one did."""

    def __post_init__(self) -> None:
        self.barrier = Barrier(self.clock)

    @property
    def many(self) -> int:
        return len(self._here)

    def enter(self, connection: Line, peer: Peer) -> bool:
        """Admit a connection; False if it must be refused."""
        address = origin(peer[0])
        if not self._is_in_time(address):
            self.tally.count("too-often", address)
            return False
        if not self._is_space(address):
            self.tally.count("too-many", address)
            return False
        self._here[peer] = _Visitor(connection, address, self.clock())
        self._from[address] += 1
        return True

    def leave(self, peer: Peer, connection: Line) -> None:
        """Note that the connection was closed."""
        visitor = self._here.get(peer)
        if visitor is not None and visitor.connection is connection:
            self._forget(peer, visitor)
        self._leaving.discard(connection)

    def know(self, peer: Peer, who: str = "") -> None:
        """Note that the peer has shown a valid credential. Many connections with one credential must not keep
        out others."""
        visitor = self._here.get(peer)
        if visitor is None:
            return
        visitor.known = True
        self._trusted[visitor.address] = self.clock()
        if who and visitor.who != who:
            visitor.who = who
            theirs = [other for other, each in self._here.items() if each.who == who]
            for other in theirs[: -self.limits.per_credential]:
                self.cut(other, "one-credential")

    @contextlib.contextmanager
    def asking(self, peer: Peer) -> Iterator[None]:
        """Inside the context the connection waits for an answer, so it is not idle."""
        visitor = self._here.get(peer)
        if visitor is None:
            yield
            return
        visitor.asking += 1
        try:
            yield
        finally:
            visitor.asking -= 1
            if visitor.known:
                visitor.since = self.clock()

    def cut(self, peer: Peer, why: str) -> None:
        """End a connection: the event loop sees that, and closes it."""
        visitor = self._here.get(peer)
        if visitor is None:
            return
        self.tally.count(why, visitor.address)
        self._forget(peer, visitor)
        self._leaving.add(visitor.connection)
        with contextlib.suppress(OSError):
            visitor.connection.shutdown(socket.SHUT_RDWR)

    def look(self) -> None:
        """Cut connections whose time is over, and log what was counted."""
        now = self.clock()
        for peer, visitor in list(self._here.items()):
            if not visitor.known and now - visitor.since > self.limits.stranger_seconds:
                self.cut(peer, "stranger")
            elif visitor.known and not visitor.asking and now - visitor.since > self.limits.idle_seconds:
                self.cut(peer, "idle")
        full_after = self.limits.burst / self.limits.per_second
        self._trusted = {who: at for who, at in self._trusted.items() if now - at < TRUSTED_SECONDS}
        self._buckets = {who: each for who, each in self._buckets.items() if now - each.at < full_after}
        self.barrier.look(trusted=self._trusted)
        self.tally.look()

    def _is_in_time(self, address: str) -> bool:
        limits = self.limits
        if address in self._trusted:
            return self._take(address, limits.trusted_per_second, limits.trusted_per_second)
        burst = limits.burst / 10 if self.barrier.suspects(address) else limits.burst
        if not self._take(address, limits.per_second, burst):
            self.barrier.count(address)
            return False
        return self._take(EVERYBODY, limits.strangers_per_second, limits.strangers_per_second)

    def _take(self, whose: str, per_second: float, burst: float) -> bool:
        now = self.clock()
        bucket = self._buckets.setdefault(whose, _Bucket(burst, now))
        return bucket.take(per_second, burst, now)

    def _is_space(self, address: str) -> bool:
        """Whether there is space for one more connection from there, if necessary in place of the oldest
        stranger."""
        if len(self._leaving) > self.limits.most / 4 and address not in self._trusted:
            return False  # the event loop is late
        if self._from[address] >= self.limits.per_address:
            return self._replace(address)
        return len(self._here) < self.limits.most or self._replace(None)

    def _replace(self, address: str | None) -> bool:
        strangers = (
            peer for peer, each in self._here.items() if not each.known and address in (None, each.address)
        )
        oldest = next(strangers, None)
        if oldest is None:
            return False
        self.cut(oldest, "replaced")
        return True

    def _forget(self, peer: Peer, visitor: _Visitor) -> None:
        del self._here[peer]
        self._from[visitor.address] -= 1
        if not self._from[visitor.address]:
            del self._from[visitor.address]


async def watch(visitors: Visitors) -> None:
    """Look after the connections, without an end."""
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        visitors.look()


def origin(host: str) -> str:
    """The address that counts for limits; for IPv6 its network, since everybody has a whole network."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
