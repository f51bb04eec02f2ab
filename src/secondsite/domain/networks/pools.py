"""Address pools of a site's network: which pools are possible, and which address a card gets. Pure."""

import hashlib
import ipaddress
import itertools
from collections.abc import Collection, Sequence

from .addresses import LONGEST, SHORTEST, lies_in

MOST = 65536
"""The most addresses of one pool."""
BETWEEN = "-"


def subnet(written: str) -> str:
    """The subnet in its canonical form, 10.2.0.0/24. Raises ValueError."""
    if "/" not in written:
        raise ValueError(f"'{written}' has no prefix: give it such as 10.2.0.0/24")
    found = ipaddress.IPv4Network(written)
    if not SHORTEST <= found.prefixlen <= LONGEST:
        raise ValueError(f"a prefix is from /{SHORTEST} to /{LONGEST}, not /{found.prefixlen}")
    return str(found)


def span(written: str) -> str:
    """The range in its canonical form, 10.2.0.100-10.2.0.149; a single address is a range of one. Raises
    ValueError."""
    first, _, last = written.partition(BETWEEN)
    begin, end = ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address((last or first).strip())
    if end < begin:
        raise ValueError(f"{end} comes before {begin}")
    return f"{begin}{BETWEEN}{end}"


def contradiction(subnet: str, ranges: Sequence[str], gateway: str | None) -> str | None:
    """Which of these settings contradict each other, as a part of a sentence; None if they do not."""
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
    """How many addresses the ranges have."""
    return sum(end - begin + 1 for begin, end in map(_ends, ranges))


def has(ranges: Sequence[str], address: str) -> bool:
    """Whether the address is in one of the ranges."""
    found = int(ipaddress.IPv4Address(address))
    return any(begin <= found <= end for begin, end in map(_ends, ranges))


def pick(ranges: Sequence[str], mac: str, taken: Collection[str]) -> str | None:
    """An address that is not taken, None if all are. The MAC address decides which, so a machine gets the
    same one again as long as it is free."""
    spans = [range(begin, end + 1) for begin, end in map(_ends, ranges)]
    of = sum(map(len, spans))
    first = int.from_bytes(hashlib.sha256(mac.lower().encode()).digest()[:8]) % of
    all_of_them = itertools.chain.from_iterable(spans + spans)  # once around, from the first one on
    in_turn = (str(ipaddress.IPv4Address(each)) for each in itertools.islice(all_of_them, first, first + of))
    return next((address for address in in_turn if address not in taken), None)


def _ends(span: str) -> tuple[int, int]:
    first, _, last = span.partition(BETWEEN)
    return int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last))


def _said(begin: int, end: int) -> str:
    return f"{ipaddress.IPv4Address(begin)}{BETWEEN}{ipaddress.IPv4Address(end)}"
