"""Addresses of a machine's cards at its second site: of IPv4, where nothing else is said."""

import ipaddress
from collections.abc import Sequence

SHORTEST, LONGEST = 8, 30
"""Possible lengths of a prefix."""
IPV6_SHORTEST, IPV6_LONGEST = 16, 127
THIS_NETWORK, EVERYBODY = ipaddress.IPv4Network("0.0.0.0/8"), ipaddress.IPv4Address("255.255.255.255")


def with_prefix(address: str) -> str:
    """The address in its canonical form, 10.2.0.5/24. Raises ValueError for an address that no card can
    have."""
    if "/" not in address:
        raise ValueError(f"'{address}' has no prefix: give it such as 10.2.0.5/24")
    found = ipaddress.IPv4Interface(address)
    if not SHORTEST <= found.network.prefixlen <= LONGEST:
        raise ValueError(f"a prefix is from /{SHORTEST} to /{LONGEST}, not /{found.network.prefixlen}")
    if found.ip in (found.network.network_address, found.network.broadcast_address):
        raise ValueError(f"{found.ip} is the first or the last of {found.network}, which no card has")
    if found.is_multicast or found.is_loopback or found.is_unspecified:
        raise ValueError(f"{found.ip} is not the address of a machine")
    return str(found)


def ipv6_with_prefix(address: str) -> str:
    """The IPv6 address in its canonical form, 2001:db8:2::5/64. Raises ValueError for one that no card can
    be given."""
    if "/" not in address:
        raise ValueError(f"'{address}' has no prefix: give it such as 2001:db8:2::5/64")
    if "%" in address:
        raise ValueError(f"{address} is not the address of a machine, but one on a card of a host")
    found = ipaddress.IPv6Interface(address)
    length = found.network.prefixlen
    if not IPV6_SHORTEST <= length <= IPV6_LONGEST:
        raise ValueError(f"a prefix is from /{IPV6_SHORTEST} to /{IPV6_LONGEST}, not /{length}")
    if length < IPV6_LONGEST and found.ip == found.network.network_address:
        raise ValueError(f"{found.ip} is the first of {found.network}, which is its routers'")
    if found.is_link_local:
        raise ValueError(f"{found.ip} is an address that each card gives itself")
    return f"{ipv6_plain(str(found.ip))}/{length}"


def ipv6_plain(address: str) -> str:
    """The IPv6 address without prefix, in its canonical form. Raises ValueError."""
    found = ipaddress.IPv6Address(address)
    if found.ipv4_mapped is not None:
        raise ValueError(f"{address} is {found.ipv4_mapped} of IPv4: give it as that")
    if found.scope_id is not None or found.is_multicast or found.is_loopback or found.is_unspecified:
        raise ValueError(f"{address} is not the address of a machine")
    return str(found)


def ipv6_contradiction(address: str, gateway: str | None) -> str | None:
    """As `contradiction`, of IPv6."""
    if gateway is None:
        return None
    own, found = ipaddress.IPv6Interface(address), ipaddress.IPv6Address(gateway)
    if found == own.ip:
        return f"{own.ip} as its address and as its gateway"
    if not found.is_link_local and found not in own.network:
        return f"the gateway {gateway}, which is not in its subnet {own.network}"
    return None


def plain(address: str) -> str:
    """The address without prefix, in its canonical form. Raises ValueError."""
    return str(ipaddress.IPv4Address(address))


def is_of_a_machine(said: str) -> bool:
    """Whether this is an IPv4 address of a machine that can be reached from others. It comes from a guest, so
    it may be any text."""
    try:
        found = ipaddress.IPv4Address(said)
    except ValueError:
        return False
    own = found.is_loopback or found.is_link_local or found.is_multicast
    return not own and found not in THIS_NETWORK and found != EVERYBODY


def host(address: str) -> str:
    """The address without its prefix."""
    return address.partition("/")[0]


def lies_in(address: str, subnet: str) -> bool:
    """Whether the address, with or without a prefix, lies in the subnet."""
    return ipaddress.IPv4Address(host(address)) in ipaddress.IPv4Network(subnet)


def inside(found: Sequence[str], subnet: str) -> tuple[str, ...]:
    """Those of the addresses that lie in the subnet."""
    return tuple(address for address in found if lies_in(address, subnet))


def outside(address: str, subnets: Sequence[str]) -> bool:
    """Whether a card with this address would reach nobody on a network that has these subnets; false if no
    subnet is known."""
    return bool(subnets) and not any(lies_in(address, subnet) for subnet in subnets)


def contradiction(
    address: str | None, gateway: str | None, dns_servers: Sequence[str], *, from_pool: bool = False
) -> str | None:
    """Which of these settings contradict each other, as a part of a sentence; None if they do not."""
    if from_pool and address is not None:
        return f"the address {host(address)}, and one out of a pool"
    if from_pool and (gateway or dns_servers):
        return f"an address out of a pool, and {'a gateway' if gateway else 'DNS servers'} of its own"
    if address is None:
        given = "a gateway" if gateway else "DNS servers" if dns_servers else None
        return f"{given}, but no address" if given else None
    if gateway is None:
        return None
    own = ipaddress.IPv4Interface(address)
    if ipaddress.IPv4Address(gateway) == own.ip:
        return f"{own.ip} as its address and as its gateway"
    if not lies_in(gateway, str(own.network)):
        return f"the gateway {gateway}, which is not in its subnet {own.network}"
    return None
