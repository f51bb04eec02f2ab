"""A network of a drill that spans hosts: which hosts can, the tunnel's number, and what each host gives out.
Pure."""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PORT = 9446
"""The UDP port of the tunnels."""
OVERHEAD = 50
"""Bytes that the tunnel adds to a packet, over IPv4."""
LEAST_MTU, MOST_MTU = 576, 65535 - OVERHEAD
MOST_HOSTS = 64
NUMBERS = 2**24


@dataclass(frozen=True, slots=True)
class SegmentHost:
    """A host with machines of the drill. `address`: where its drill segment is; None: none is named.
    `problem`: why it cannot be used."""

    name: str
    address: str | None = None
    mtu: int = 0
    problem: str | None = None


def number(network: str) -> int:
    """The number of the network's tunnel, the same at all hosts."""
    return int.from_bytes(hashlib.sha256(network.encode()).digest()) % (NUMBERS - 1) + 1


def mtu(hosts: Sequence[SegmentHost]) -> int:
    """The longest packet that the machines may send, in bytes: it has to fit into every segment."""
    return min(MOST_MTU, min(each.mtu for each in hosts) - OVERHEAD)


def why_not(hosts: Mapping[str, SegmentHost]) -> str | None:
    """Why these hosts cannot share a network, and what to do, as a part of a sentence; None if they can."""
    unnamed = sorted(each.name for each in hosts.values() if each.address is None)
    if unnamed:
        return (
            f"no drill segment is named for {', '.join(unnamed)} (set 'drill_segment' in appliance.json "
            "there, and start it again)"
        )
    unusable = sorted(f"that of {each.name}: {each.problem}" for each in hosts.values() if each.problem)
    if unusable:
        return f"a drill segment cannot be used, {'; '.join(unusable)}"
    if len(hosts) > MOST_HOSTS:
        return f"a network spans at most {MOST_HOSTS} hosts"
    there = sorted(str(each.address) for each in hosts.values())
    if len(set(there)) < len(there):
        return f"two of them name the same address as their drill segment, of {', '.join(there)}"
    return _too_short(hosts)


def _too_short(hosts: Mapping[str, SegmentHost]) -> str | None:
    found = mtu(list(hosts.values()))
    if found >= LEAST_MTU:
        return None
    there = found + OVERHEAD
    return f"packets on a drill segment have at most {there} bytes, of which the tunnel takes {OVERHEAD}"


Ends = tuple[str, str]


def share(spans: Sequence[Ends], index: int, of: int) -> tuple[Ends, ...]:
    """First and last addresses of what the host with that index, of so many, gives to cards that are not
    named: no other host gives any of these. None if there are fewer addresses than hosts."""
    found = []
    for first, last in spans:
        begin, end = int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last))
        size = (end - begin + 1) // of
        if size:
            found.append((begin + index * size, begin + (index + 1) * size - 1))
    return tuple((str(ipaddress.IPv4Address(begin)), str(ipaddress.IPv4Address(end))) for begin, end in found)
