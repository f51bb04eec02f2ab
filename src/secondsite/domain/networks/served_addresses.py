"""Which address a card gets on a network that an appliance serves. Pure: the same input gives the same
address."""

import hashlib
import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .pools import BETWEEN


@dataclass(frozen=True, slots=True)
class Lease:
    """The address for a card; None if none is free. `why_not`: why it is not the wished one, as a part of a
    sentence."""

    address: str | None
    why_not: str | None = None


def lease(
    subnet: str,
    mac: str,
    wished: str | None,
    taken: Mapping[str, str],
    kept: Collection[str] = (),
    ranges: Sequence[str] = (),
) -> Lease:
    """The wished address if it is free, else one of the ranges, chosen by the MAC address. `taken`: address →
    its holder; `kept`: addresses given only to those who wish for them."""
    network = ipaddress.IPv4Network(subnet)
    why_not = _why_not(network, wished, taken) if wished is not None else None
    if wished is not None and why_not is None:
        return Lease(wished)
    return Lease(_another(network, mac, {*taken, *kept}, ranges), why_not)


def spans(subnet: str, ranges: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """First and last addresses of the ranges that are given out: those of `ranges` as far as they lie in the
    subnet, or the whole subnet except the first address, which is the server's."""
    network = ipaddress.IPv4Network(subnet)
    first, last = network.network_address + 2, network.broadcast_address - 1
    ends = (map(ipaddress.IPv4Address, each.split(BETWEEN)) for each in ranges)
    inside = [(max(first, begin), min(last, end)) for begin, end in ends]
    found = [(begin, end) for begin, end in inside if begin <= end] or [(first, last)]
    return tuple((str(begin), str(end)) for begin, end in found)


def _why_not(network: ipaddress.IPv4Network, wished: str, taken: Mapping[str, str]) -> str | None:
    address = ipaddress.IPv4Address(wished)
    if address not in network:
        return f"which is not in {network}"
    if address == network.network_address + 1:
        return "which the network's own server has"
    if address in (network.network_address, network.broadcast_address):
        return f"which no machine in {network} can have"
    return f"which {taken[wished]} has" if wished in taken else None


def _another(
    network: ipaddress.IPv4Network, mac: str, taken: Collection[str], ranges: Sequence[str]
) -> str | None:
    given = [tuple(map(ipaddress.IPv4Address, each)) for each in spans(str(network), ranges)]
    count = sum(int(last) - int(first) + 1 for first, last in given)
    begin = int.from_bytes(hashlib.sha256(mac.lower().encode()).digest()[:8]) % count
    candidates = (_nth(given, (begin + step) % count) for step in range(count))
    return next((address for address in candidates if address not in taken), None)


def _nth(given: Sequence[Sequence[ipaddress.IPv4Address]], number: int) -> str:
    """The number-th address, counted over all ranges."""
    for first, last in given:
        size = int(last) - int(first) + 1
        if number < size:
            return str(first + number)
        number -= size
    raise IndexError(number)
