"""The IPv4 subnets of a network, as far as its host has an address in them."""

import contextlib
import ipaddress
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

from ...domain.networks import pools


def of_bridge(link: dict[str, Any]) -> tuple[str, ...]:
    """The subnets of a bridge, from iproute2's description of the link with its addresses."""
    addresses = [each for each in link.get("addr_info", ()) if each.get("family") == "inet"]
    return _networks(f"{each['local']}/{each['prefixlen']}" for each in addresses)


def of_network(root: Element) -> tuple[str, ...]:
    """The subnets in a libvirt network's definition."""
    found = [each for each in root.iterfind("ip") if each.get("family", "ipv4") == "ipv4"]
    return _networks(f"{each.get('address')}/{each.get('prefix') or each.get('netmask')}" for each in found)


def dhcp_ranges(root: Element) -> tuple[str, ...]:
    """The address ranges of libvirt's own DHCP server in a network's definition, such as
    10.2.0.100-10.2.0.149."""
    found: list[str] = []
    for each in root.iterfind("ip/dhcp/range"):
        with contextlib.suppress(ValueError):
            found.append(pools.span(f"{each.get('start')}{pools.BETWEEN}{each.get('end')}"))
    return tuple(found)


def _networks(addresses: Iterable[str]) -> tuple[str, ...]:
    """The networks of these addresses. Texts that are no addresses are left out: an owner's definition may
    contain anything."""
    found = []
    for address in addresses:
        try:
            found.append(str(ipaddress.IPv4Interface(address).network))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))
