"""Blocks addresses from which too many connections come, in the kernel and for a while.

Refusing where connections are accepted costs the processor, and the queue of those that wait to be accepted
is one for all: whoever dials fast enough fills it, and the others' first packets are lost, which costs them a
second each. So the listening socket gets a packet filter (`SO_ATTACH_FILTER` of socket(7), classic BPF; no
right is needed): the first packets of these addresses are dropped before they cost anything. Connections that
were accepted before stay."""

from __future__ import annotations

import ctypes
import ipaddress
import math
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

REFUSALS = 20
"""How many refused connections of an address within a minute block it."""
REFUSALS_AGAIN = 5
"""The same for an address that was blocked a short while ago."""
FIRST_SECONDS = 10.0
LONGEST_SECONDS = 60.0
"""The longest block. Each further block of an address is twice as long, until it was quiet for as long as
this."""
SPREAD = 0.5
"""Blocks are longer by a random share up to this, so that addresses that came together do not come back
together."""
MOST = 400
"""The most blocked addresses at once. With IPv6 each takes five instructions, and a filter may have 4,096."""

SO_ATTACH_FILTER = 26
_LOAD_BYTE, _LOAD_WORD, _AND, _JUMP, _JUMP_IF_EQUAL, _RETURN = 0x30, 0x20, 0x54, 0x05, 0x15, 0x06
_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF
_VERSION_4, _SOURCE_4, _SOURCE_6 = 0x40, 12, 8
_DROP, _PASS = 0, 0xFFFFFFFF

Instruction = tuple[int, int, int, int]


@dataclass(slots=True)
class _Exclusion:
    until: float
    seconds: float
    """How many seconds the block lasts this time."""


@dataclass(slots=True)
class Barrier:
    """The blocked addresses. All methods are called in the thread of one event loop, or under one lock. An
    address is a host of IPv4 or a network of IPv6."""

    clock: Callable[[], float] = time.monotonic
    kept_out: frozenset[str] = frozenset()
    """The addresses that the present filter blocks."""
    _socket: socket.socket | None = None
    _refusals: Counter[str] = field(default_factory=Counter)
    _counted_since: float = -math.inf
    _guilty: set[str] = field(default_factory=set)
    _known: dict[str, _Exclusion] = field(default_factory=dict)

    def guard(self, listening: socket.socket) -> None:
        """Use this socket's filter from now on."""
        self._socket = listening

    def suspects(self, address: str) -> bool:
        """Whether the address was blocked a short while ago."""
        return address in self._known

    def count(self, address: str) -> None:
        """Count a connection from this address that was refused because it came too soon."""
        self._refusals[address] += 1
        if self._refusals[address] >= (REFUSALS_AGAIN if self.suspects(address) else REFUSALS):
            self._guilty.add(address)

    def look(self, *, trusted: Container[str] = ()) -> None:
        """Block addresses that are due, and end blocks whose time is over; `trusted` addresses are never
        blocked."""
        now = self.clock()
        while self._guilty and len(self._known) < MOST:
            self._keep_out(self._guilty.pop(), now)
        if now - self._counted_since > LONGEST_SECONDS:
            self._counted_since = now
            self._refusals.clear()
            self._guilty.clear()
            self._known = {
                who: each for who, each in self._known.items() if now < each.until + LONGEST_SECONDS
            }
        out = (who for who, each in self._known.items() if now < each.until and who not in trusted)
        self.enforce(frozenset(out))

    def enforce(self, addresses: frozenset[str]) -> None:
        """Have the kernel keep out these, and nobody else."""
        if addresses == self.kept_out or self._socket is None:
            return
        self.kept_out = addresses
        try:
            _attach(self._socket, program(addresses))
        except OSError as problem:  # then they are refused one by one
            log.warning("visitors.not-kept-out", addresses=len(addresses), problem=str(problem))

    def _keep_out(self, address: str, now: float) -> None:
        before = self._known.get(address)
        seconds = FIRST_SECONDS if before is None else min(2 * before.seconds, LONGEST_SECONDS)
        until = now + seconds * random.uniform(1, 1 + SPREAD)
        self._known[address] = _Exclusion(until, seconds)
        del self._refusals[address]


def program(addresses: Iterable[str]) -> list[Instruction]:
    """Classic BPF that drops packets from these addresses: (code, jump if true, jump if false, value)
    each."""
    hosts, networks = _sorted(addresses)
    of_4 = [(_LOAD_WORD, 0, 0, _NETWORK_HEADER + _SOURCE_4), *_drops_of_hosts(hosts), (_RETURN, 0, 0, _PASS)]
    of_6 = [*_drops_of_networks(networks), (_RETURN, 0, 0, _PASS)]
    return [
        (_LOAD_BYTE, 0, 0, _NETWORK_HEADER),
        (_AND, 0, 0, 0xF0),
        (_JUMP_IF_EQUAL, 1, 0, _VERSION_4),
        (_JUMP, 0, 0, len(of_4)),
        *of_4,
        *of_6,
    ]


def _sorted(addresses: Iterable[str]) -> tuple[list[int], list[int]]:
    hosts: list[int] = []
    networks: list[int] = []
    for address in sorted(addresses):
        network = ipaddress.ip_network(address)
        (hosts if network.version == 4 else networks).append(int(network.network_address))
    return hosts, networks


def _drops_of_hosts(hosts: Iterable[int]) -> Iterator[Instruction]:
    for host in hosts:
        yield _JUMP_IF_EQUAL, 0, 1, host
        yield _RETURN, 0, 0, _DROP


def _drops_of_networks(networks: Iterable[int]) -> Iterator[Instruction]:
    for network in networks:
        yield _LOAD_WORD, 0, 0, _NETWORK_HEADER + _SOURCE_6
        yield _JUMP_IF_EQUAL, 0, 3, network >> 96
        yield _LOAD_WORD, 0, 0, _NETWORK_HEADER + _SOURCE_6 + 4
        yield _JUMP_IF_EQUAL, 0, 1, network >> 64 & 0xFFFFFFFF
        yield _RETURN, 0, 0, _DROP


def _attach(listening: socket.socket, instructions: list[Instruction]) -> None:
    """Attach the filter in place of an earlier one. Raises OSError."""
    packed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in instructions))
    listening.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(instructions), ctypes.addressof(packed))
    )
