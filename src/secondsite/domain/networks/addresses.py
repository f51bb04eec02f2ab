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


def route_subnet(said: str) -> str:
    """The subnet of a route in its canonical form, 10.77.0.0/16 or 2001:db8:77::/48. Raises ValueError for
    one to which no route of its own is set."""
    found = ipaddress.ip_network(said)
    if found.prefixlen == 0:
        raise ValueError(f"{said} is everything: that goes to the gateway")
    if found.is_multicast or found.is_loopback or found.is_link_local:
        raise ValueError(f"nobody sends to {said} by way of a gateway")
    if found.version == 6 and found[0].ipv4_mapped is not None:
        raise ValueError(f"{said} is a subnet of IPv4: give it as that")
    return str(found)


def any_plain(address: str) -> str:
    """The address of either family without prefix, in its canonical form. Raises ValueError."""
    return ipv6_plain(address) if ":" in address else plain(address)


def routes_contradiction(
    routes: Sequence[tuple[str, str]], address: str | None, ipv6_address: str | None
) -> str | None:
    """As `contradiction`: of a card's routes, by subnet and gateway, with its addresses."""
    given = [ipaddress.ip_interface(each) for each in (address, ipv6_address) if each is not None]
    own = {each.version: each for each in given}
    seen = set[str]()
    for to, via in routes:
        gateway, subnet = ipaddress.ip_address(via), ipaddress.ip_network(to)
        card = own.get(subnet.version)
        if gateway.version != subnet.version:
            return f"a route to {to}, which is of another family than its gateway {via}"
        if card is None:
            return f"a route to {to}, but no address of that family of its own"
        if subnet == card.network:
            return f"a route to {to}, which is its own subnet"
        if to in seen:
            return f"two routes to {to}"
        if gateway == card.ip or not (gateway in card.network or gateway.is_link_local):
            return f"a route to {to} by way of {via}, which is no neighbour in its subnet {card.network}"
        seen.add(to)
    return None
