"""Pools of addresses of a site's network: what one can be, and which address of it a card gets. Pure."""

import hashlib
import ipaddress
import itertools
from collections.abc import Collection, Sequence

from .addresses import LONGEST, SHORTEST, lies_in

MOST = 65536
"""Addresses of one pool."""
BETWEEN = "-"


def subnet(written: str) -> str:
    """As it is written everywhere: 10.2.0.0/24. Raises ValueError."""
    if "/" not in written:
        raise ValueError(f"'{written}' has no prefix: give it such as 10.2.0.0/24")
    found = ipaddress.IPv4Network(written)
    if not SHORTEST <= found.prefixlen <= LONGEST:
        raise ValueError(f"a prefix is from /{SHORTEST} to /{LONGEST}, not /{found.prefixlen}")
    return str(found)


def span(written: str) -> str:
    """A range as it is written everywhere: 10.2.0.100-10.2.0.149; one address alone is one from it to
    itself. Raises ValueError."""
    first, _, last = written.partition(BETWEEN)
    begin, end = ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address((last or first).strip())
    if end < begin:
        raise ValueError(f"{end} comes before {begin}")
    return f"{begin}{BETWEEN}{end}"


def contradiction(subnet: str, ranges: Sequence[str], gateway: str | None) -> str | None:
    """What cannot be meant."""
    network, ends = ipaddress.IPv4Network(subnet), sorted(map(_ends, ranges))
    for begin, end in ends:
        if begin <= int(network.network_address) or end >= int(network.broadcast_address):
            return (
                f"the range {_said(begin, end)}, which does not lie within the addresses of machines in "
                f"{network}"
            )
    for (_, end), (begin, later) in itertools.pairwise(ends):
        if begin <= end:
            return f"the range {_said(begin, later)}, which begins in another one"
    if size(ranges) > MOST:
        return f"{size(ranges)} addresses, and a pool has at most {MOST}"
    if gateway is None:
        return None
    if not lies_in(gateway, subnet):
        return f"the gateway {gateway}, which is not in its subnet {network}"
    return f"its gateway {gateway} in a range" if has(ranges, gateway) else None


def size(ranges: Sequence[str]) -> int:
    """How many addresses these are."""
    return sum(end - begin + 1 for begin, end in map(_ends, ranges))


def has(ranges: Sequence[str], address: str) -> bool:
    """Whether the address is one of them."""
    found = int(ipaddress.IPv4Address(address))
    return any(begin <= found <= end for begin, end in map(_ends, ranges))


def pick(ranges: Sequence[str], mac: str, taken: Collection[str]) -> str | None:
    """One that nobody has: it goes by the MAC address, so a machine gets the same again while that is
    free. None: all are taken."""
    gone = {int(ipaddress.IPv4Address(address)) for address in taken}
    all_of_them = [number for begin, end in map(_ends, ranges) for number in range(begin, end + 1)]
    first = int.from_bytes(hashlib.sha256(mac.lower().encode()).digest()[:8]) % len(all_of_them)
    in_turn = itertools.chain(all_of_them[first:], all_of_them[:first])
    found = next((number for number in in_turn if number not in gone), None)
    return None if found is None else str(ipaddress.IPv4Address(found))


def _ends(span: str) -> tuple[int, int]:
    first, _, last = span.partition(BETWEEN)
    return int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last))


def _said(begin: int, end: int) -> str:
    return f"{ipaddress.IPv4Address(begin)}{BETWEEN}{ipaddress.IPv4Address(end)}"
