"""Addresses that the DHCP server of one of libvirt's networks gives to certain cards: entries of the
network's definition, which libvirt takes over while it runs."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import libvirt

from .....domain import errors
from .. import connection, domain_xml


def known(network: Any) -> dict[str, str] | None:
    """The reservations by MAC address; None if the network has no DHCP server."""
    if not list(_served(_root(network))):
        return None
    return {mac: address for _, mac, address in _hosts(_root(network))}


def reserve(network: Any, mac: str, address: str, name: str) -> None:
    """Reserve an address for a card, in place of the one that it had. Raises FabricError, for instance for an
    address that another card has."""
    there = known(network) or {}
    if there.get(mac.lower()) == address:
        return
    if mac.lower() in there:
        release(network, mac, there[mac.lower()])
    index = _index(_root(network), address)
    host = Element("host", {"mac": mac, "ip": address})
    if name:
        host.set("name", name)
    _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, index, host)


def release(network: Any, mac: str, address: str) -> None:
    """End a reservation; harmless if there is none."""
    for index, its_mac, its_address in list(_hosts(_root(network))):
        if (its_mac, its_address) == (mac.lower(), address):
            host = Element("host", {"mac": mac, "ip": address})
            _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, index, host)


def _update(network: Any, command: int, index: int, host: Element) -> None:
    is_active = connection.call("reading a network", network.isActive)
    is_kept = connection.call("reading a network", network.isPersistent)
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if is_active else 0
    flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG if is_kept else 0
    text = ElementTree.tostring(host, encoding="unicode")
    section = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
    doing = f"changing the network '{network.name()}'"
    connection.call(doing, network.update, command, section, index, text, flags)


def _index(root: Element, address: str) -> int:
    """The index of the network's subnet that the address is in."""
    for index, each in _served(root):
        subnet = f"{each.get('address')}/{each.get('prefix') or each.get('netmask')}"
        if ipaddress.IPv4Address(address) in ipaddress.IPv4Interface(subnet).network:
            return index
    raise errors.FabricError(f"its DHCP server gives no addresses of the subnet of {address}")


def _served(root: Element) -> Iterator[tuple[int, Element]]:
    for index, each in enumerate(root.iterfind("ip")):
        if each.get("family", "ipv4") == "ipv4" and each.find("dhcp") is not None:
            yield index, each


def _hosts(root: Element) -> Iterator[tuple[int, str, str]]:
    """The number of the subnet, the MAC address and the address of each entry that has both."""
    for index, served in _served(root):
        for host in served.iterfind("dhcp/host"):
            mac, address = host.get("mac"), host.get("ip")
            if mac and address:
                yield index, mac.lower(), address


def _root(network: Any) -> Element:
    return domain_xml.parse(str(connection.call("reading a network", network.XMLDesc, 0)))
