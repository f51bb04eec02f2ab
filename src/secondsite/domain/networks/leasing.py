"""Which address a card gets on a network that we serve. Pure, and the same for the same question."""

import hashlib
import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """`address` is None if the subnet has no other. `why_not`: why it is not the one that was wished."""

    address: str | None
    why_not: str | None = None


def lease(
    subnet: str, mac: str, wished: str | None, taken: Mapping[str, str], kept: Collection[str] = ()
) -> Lease:
    """The wished address, else one that goes by the MAC address. `taken`: who has an address already; `kept`: given only to
    who wishes it."""
    network = ipaddress.IPv4Network(subnet)
    why_not = _why_not(network, wished, taken) if wished is not None else None
    if wished is not None and why_not is None:
        return Lease(wished)
    return Lease(_another(network, mac, {*taken, *kept}), why_not)


def _why_not(network: ipaddress.IPv4Network, wished: str, taken: Mapping[str, str]) -> str | None:
    address = ipaddress.IPv4Address(wished)
    if address not in network:
        return f"which is not in {network}"
    if address == network.network_address + 1:
        return "which the network's own server has"
    if address in (network.network_address, network.broadcast_address):
        return f"which no machine in {network} can have"
    return f"which {taken[wished]} has" if wished in taken else None


def _another(network: ipaddress.IPv4Network, mac: str, taken: Collection[str]) -> str | None:
    first, count = network.network_address + 2, network.num_addresses - 3
    begin = int.from_bytes(hashlib.sha256(mac.lower().encode()).digest()[:8]) % count
    candidates = (str(first + (begin + step) % count) for step in range(count))
    return next((address for address in candidates if address not in taken), None)
