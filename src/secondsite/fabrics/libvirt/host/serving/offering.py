"""Serves addresses and names on an isolated network that libvirt's daemon made, with the daemon's own DHCP
server.

The daemon starts that server for a network with an address of its host in it, the subnet's first one: so the
subnet must not be one of the host's own. Machines are added while the server runs; only the first time the
network is stopped for a moment.
"""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from .....domain import errors
from .....wire.common.machines import NetworkInfo, NetworkService
from .... import spanning
from ....interface import LocalSpan, Obstacle
from .. import connection, domain_xml
from . import reserving

OPTIONS = "http://libvirt.org/schemas/network/dnsmasq/1.0"
TAKEN_DO = "Give another --subnet, or use --network NAME, an isolated network of this site that has DHCP."

ElementTree.register_namespace("dnsmasq", OPTIONS)


def obstacle(subnet: str, there: Sequence[NetworkInfo], own: Collection[str] = ()) -> Obstacle | None:
    """Why this host can have no network with that subnet: it has that subnet already, on a network other than
    `own`."""
    wanted = ipaddress.IPv4Network(subnet)
    for network in there:
        if network.name not in own and any(
            wanted.overlaps(ipaddress.IPv4Network(each)) for each in network.subnets
        ):
            what = (
                f"The host here is in {subnet} itself, by its network '{network.name}': libvirt's daemon "
                "makes no other network with that subnet."
            )
            return Obstacle(what, TAKEN_DO)
    return None


def serve(handle: Any, network: Any, serving: NetworkService, span: LocalSpan | None = None) -> None:
    """Serve these addresses and names from now on. Harmless if they are served already. Raises
    FabricError."""
    if _subnet_of(_root(network)) != serving.subnet:
        _begin(handle, network, serving, span)
    there = reserving.known(network) or {}
    wanted = {host.mac.lower(): host for host in serving.hosts if host.address is not None}
    for mac, address in there.items():
        if mac not in wanted or wanted[mac].address != address:
            reserving.release(network, mac, address)
    for mac, host in wanted.items():
        if there.get(mac) != host.address:  # each reservation reads the whole definition
            reserving.reserve(network, mac, str(host.address), host.name)


def _begin(handle: Any, network: Any, serving: NetworkService, span: LocalSpan | None) -> None:
    """Restart the network: its new definition counts only from its next start. If this process is killed in
    between, whoever makes the network again starts it."""
    name, text = network.name(), _defined(_root(network, libvirt.VIR_NETWORK_XML_INACTIVE), serving, span)
    connection.call("defining a network", handle.networkDefineXML, text)
    if connection.call("reading a network", network.isActive):
        connection.call(f"stopping the network '{name}'", network.destroy)
    try:
        connection.call(f"starting the network '{name}'", network.create)
    except errors.FabricError as problem:
        raise errors.FabricError(
            f"No addresses of {serving.subnet} can be given in the network '{name}': {problem.message}",
            do=TAKEN_DO,
        ) from problem


def _defined(root: Element, serving: NetworkService, span: LocalSpan | None) -> str:
    for old in [*root.findall("ip"), *root.findall("dns"), *root.findall(f"{{{OPTIONS}}}options")]:
        root.remove(old)
    subnet = ipaddress.IPv4Network(serving.subnet)
    first = str(subnet.network_address + 1)
    served = SubElement(root, "ip", {"family": "ipv4", "address": first, "prefix": str(subnet.prefixlen)})
    dhcp = SubElement(served, "dhcp")
    for begin, end in _ranges(serving, span):
        SubElement(dhcp, "range", {"start": begin, "end": end})
    for host in serving.hosts if span is not None else ():  # one by one many would take long
        if host.address is not None:
            SubElement(dhcp, "host", {"mac": host.mac, "name": host.name, "ip": host.address})
    if span is not None:
        names = SubElement(root, "dns")
        for name, address in spanning.named(serving, span):
            SubElement(SubElement(names, "host", {"ip": address}), "hostname").text = name
    if serving.dns_servers:
        options = SubElement(root, f"{{{OPTIONS}}}options")
        SubElement(
            options, f"{{{OPTIONS}}}option", {"value": f"dhcp-option=6,{','.join(serving.dns_servers)}"}
        )
    return ElementTree.tostring(root, encoding="unicode")


def _ranges(serving: NetworkService, span: LocalSpan | None) -> Sequence[tuple[str, str]]:
    """The ranges; on a network over hosts also the addresses of all named cards, which nobody else gets. The
    daemon lets its server have no more leases than there are addresses in ranges, and a host's share is
    small."""
    found = spanning.given(serving, span)
    spans = [(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last)) for first, last in found]
    named = dict.fromkeys(address for _, address in spanning.named(serving, span))
    outside = (
        each
        for each in named
        if not any(first <= ipaddress.IPv4Address(each) <= last for first, last in spans)
    )
    return [*found, *((each, each) for each in outside)]


def _subnet_of(root: Element) -> str | None:
    """The subnet of which the network's server gives addresses; None if it gives none."""
    for each in root.iterfind("ip"):
        if each.find("dhcp") is not None:
            written = f"{each.get('address')}/{each.get('prefix') or each.get('netmask')}"
            return str(ipaddress.IPv4Interface(written).network)
    return None


def _root(network: Any, flags: int = 0) -> Element:
    return domain_xml.parse(str(connection.call("reading a network", network.XMLDesc, flags)))
