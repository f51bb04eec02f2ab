"""Networks: Linux bridges, and libvirt's own networks where the driver has them.

An isolated bridge has no uplink and no address: guests on it see only each other. Its tag is the link's
alias; it is set under a temporary name before the bridge gets its real one, so a crash leaves no untagged
bridge of that name."""

import json
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import structlog

from ....domain import errors
from ....domain.networks import portgroups
from ....wire.common.machines import NetworkInfo, NetworkService
from ...interface import LocalSpan, Obstacle
from .. import subnets, uplinks, vlans
from . import connection, domain_xml, unescaped
from .serving import commands, dnsmasq, isolation, offering, reserving, tunnels

ALIAS = "secondsite:"
PASSING = "ssnew"
LONGEST_NAME = 15
ITS_OWN_SERVER = frozenset({"none", "nat", "route", "open"})
"""Forward modes with which a libvirt network has a bridge of its own, and its own DHCP server."""

log = structlog.get_logger(__name__)
_making = threading.Lock()


class BridgeNetworks:
    """Bridges of this host, by iproute2. `folder` is for the servers on them; `hypervisor` gives VLAN tags to
    their ports, if it can."""

    def __init__(self, folder: Path, hypervisor: connection.Hypervisor | None = None) -> None:
        self._tunnels = tunnels.Tunnels(folder)
        self._servers = dnsmasq.Servers(folder, commands.ip)
        self._hypervisor = hypervisor

    def list(self) -> Sequence[NetworkInfo]:
        return _bridges(_tags_bridges(self._hypervisor))

    def create_isolated(self, name: str, tag: str, span: LocalSpan | None = None) -> NetworkInfo:
        if not 0 < len(name.encode()) <= LONGEST_NAME:
            raise errors.InvalidArgument(
                f"'{name}' is not a valid name for a bridge.", do=f"Give one of 1 to {LONGEST_NAME} bytes."
            )
        existing = self._find(name)
        if existing is None:
            _make_bridge(name, tag)
        else:
            _require_tag(existing, tag)
        isolation.shut_host_out(name)
        commands.ip("link", "set", "dev", name, "up")
        if span is not None:
            self._tunnels.join(name, name, span)
        return NetworkInfo(name=name, kind="bridge", isolated=True, tag=tag)

    def remove(self, name: str, tag: str) -> None:
        with _making:
            _clear_passing()
        existing = self._find(name)
        if existing is not None:
            _require_tag(existing, tag)
        self._servers.end(name)
        self._tunnels.leave(name)
        if existing is not None:
            commands.ip("link", "delete", "dev", name, "type", "bridge")

    def segment_mtu(self, address: str) -> int:
        return tunnels.segment_mtu(address)

    def cannot_serve(self, subnet: str | None = None, own: Collection[str] = ()) -> Obstacle | None:
        return dnsmasq.obstacle()

    def serve(self, name: str, tag: str, serving: NetworkService, span: LocalSpan | None = None) -> None:
        existing = self._find(name)
        if existing is None:
            raise errors.NotFound.named("network", name)
        _require_tag(existing, tag)
        _require_none(self.cannot_serve())
        if span is not None:
            self._tunnels.keep_server(name, serving.subnet)
        self._servers.serve(name, serving, span)

    def reservations(self, name: str) -> Mapping[str, str] | None:
        """None: bridges of the host have no DHCP server of the platform."""
        return None

    def reserve(self, name: str, mac: str, address: str, host: str) -> None:
        raise errors.NotPossibleNow(f"The bridge '{name}' has no DHCP server of libvirt's.")

    def unreserve(self, name: str, mac: str, address: str) -> None:
        """Does nothing: there are no reservations on a bridge."""

    def close(self) -> None:
        """End the servers; the networks stay."""
        self._servers.close()

    def _find(self, name: str) -> NetworkInfo | None:
        return next((network for network in self.list() if network.name == name), None)


class LibvirtNetworks:
    """libvirt's networks, and the host's bridges that belong to none of them."""

    def __init__(self, hypervisor: connection.Hypervisor, folder: Path) -> None:
        self._hypervisor = hypervisor
        self._tunnels = tunnels.Tunnels(folder)

    def list(self) -> Sequence[NetworkInfo]:
        tagging, known, own = _tags_bridges(self._hypervisor), [], set()
        for network in self._networks():
            try:
                root = domain_xml.parse(_xml(network))
            except errors.FabricError as problem:
                if not unescaped.is_cause(problem):
                    raise
                known.append(_unreadable(network, problem))
                continue
            known += _with_portgroups(root, _is_active(network), tagging)
            own.add(_own_bridge(root))
        return [*known, *(link for link in _bridges(tagging) if link.name not in own)]

    def create_isolated(self, name: str, tag: str, span: LocalSpan | None = None) -> NetworkInfo:
        network = self._find(name)
        if network is None:
            text = _isolated_xml(name, tag, span)
            network = connection.call("defining a network", self._hypervisor.handle.networkDefineXML, text)
        _require_tag(_libvirt_network(domain_xml.parse(_xml(network))), tag)
        if not _is_active(network):
            connection.call(f"starting the network '{name}'", network.create)
        self._shut_host_out(network, span)
        return _libvirt_network(domain_xml.parse(_xml(network)))

    def remove(self, name: str, tag: str) -> None:
        network = self._find(name)
        if network is not None:
            _require_tag(_libvirt_network(domain_xml.parse(_xml(network))), tag)
        self._tunnels.leave(name)
        if network is None:
            return
        if _is_active(network):
            connection.call(f"stopping the network '{name}'", network.destroy)
        connection.call(f"removing the network '{name}'", network.undefine)

    def cannot_serve(self, subnet: str | None = None, own: Collection[str] = ()) -> Obstacle | None:
        """As the interface says. libvirt's server runs on the host itself: with a subnet of the host there
        would be two routes to it."""
        return None if subnet is None else offering.obstacle(subnet, self.list(), own)

    def segment_mtu(self, address: str) -> int:
        return tunnels.segment_mtu(address)

    def serve(self, name: str, tag: str, serving: NetworkService, span: LocalSpan | None = None) -> None:
        network = self._need(name)
        _require_tag(_libvirt_network(domain_xml.parse(_xml(network))), tag)
        _require_none(offering.obstacle(serving.subnet, self.list(), {name}))
        offering.serve(self._hypervisor.handle, network, serving, span)
        self._shut_host_out(network, span)
        if span is not None:
            self._tunnels.keep_server(name, serving.subnet)

    def _shut_host_out(self, network: Any, span: LocalSpan | None) -> None:
        """Shut the host out, and join the bridge with those of other hosts, whose rules keep the host out
        too."""
        serves = domain_xml.parse(_xml(network)).find("ip") is not None
        bridge = connection.call("reading a network", network.bridgeName)
        problem = _not_shut_out(bridge, serves)
        if span is not None:
            self._tunnels.join(network.name(), bridge, span)
            return
        try:
            if serves:
                self._tunnels.shut_in(network.name(), bridge)
        except errors.SecondsiteError as error:
            problem = problem or error.message
        if problem is not None:
            log.warning("network.host-not-shut-out", network=bridge, problem=problem)

    def reservations(self, name: str) -> Mapping[str, str] | None:
        network = self._find(portgroups.split(name)[0])
        return None if network is None else reserving.known(network)

    def reserve(self, name: str, mac: str, address: str, host: str) -> None:
        reserving.reserve(self._need(portgroups.split(name)[0]), mac, address, host)

    def unreserve(self, name: str, mac: str, address: str) -> None:
        reserving.release(self._need(portgroups.split(name)[0]), mac, address)

    def _need(self, name: str) -> Any:
        network = self._find(name)
        if network is None:
            raise errors.NotFound.named("network", name)
        return network

    def close(self) -> None:
        """Nothing to close: libvirt runs its networks."""

    def _networks(self) -> Sequence[Any]:
        found: Sequence[Any] = connection.call("listing networks", self._hypervisor.handle.listAllNetworks)
        return found

    def _find(self, name: str) -> Any | None:
        return next((network for network in self._networks() if network.name() == name), None)


def _require_tag(network: NetworkInfo, tag: str) -> None:
    if network.tag != tag:
        raise errors.NotOurs(
            f"The network '{network.name}' carries {network.tag or 'no secondsite tag'}, not {tag}.",
            do="Choose another name for the drill's network, or remove the foreign one.",
        )


def _require_none(obstacle: Obstacle | None) -> None:
    if obstacle is not None:
        raise errors.NotPossibleNow(obstacle.what, do=obstacle.do)


def _tags_bridges(hypervisor: connection.Hypervisor | None) -> bool:
    return hypervisor is not None and hypervisor.release >= vlans.BRIDGES_SINCE


def _bridges(tagging: bool) -> Sequence[NetworkInfo]:
    # The kernel lists addresses without the alias, which is our tag.
    known = {each.get("ifname"): each for each in _shown("address")}
    return [
        _bridge({**known.get(link["ifname"], {}), **link}, tagging)
        for link in _links()
        if not link["ifname"].startswith(PASSING)
    ]


def _links() -> list[dict[str, Any]]:
    return [link for link in _shown("link") if "ifname" in link]


def _shown(what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(commands.ip("-json", what, "show", "type", "bridge") or "[]")
    return found


def _bridge(link: dict[str, Any], tagging: bool) -> NetworkInfo:
    alias = link.get("ifalias", "")
    ours = alias.startswith(ALIAS)
    known = subnets.of_bridge(link)
    return NetworkInfo(
        name=link["ifname"],
        kind="bridge",
        isolated=ours,
        carries_vlans=tagging and vlans.filters(link["ifname"]),
        subnets=known,
        leads_to=() if ours else uplinks.of_bridge(link["ifname"], known),
        tag=alias.removeprefix(ALIAS) if ours else None,
    )


def _make_bridge(name: str, tag: str) -> None:
    """Make a bridge under a temporary name with our process id, which tells left-overs of dead processes from
    bridges of others."""
    passing = f"{PASSING}{os.getpid()}"
    with _making:
        _clear_passing()
        commands.ip("link", "add", "name", passing, "type", "bridge")
        commands.ip("link", "set", "dev", passing, "addrgenmode", "none")
        commands.ip("link", "set", "dev", passing, "alias", f"{ALIAS}{tag}")
        commands.ip("link", "set", "dev", passing, "name", name)


def _clear_passing() -> None:
    """Remove half-made bridges that killed processes left."""
    own = f"{PASSING}{os.getpid()}"
    for left_over in (link["ifname"] for link in _links() if link["ifname"].startswith(PASSING)):
        if left_over == own or not Path("/proc", left_over.removeprefix(PASSING)).exists():
            commands.ip("link", "delete", "dev", left_over, "type", "bridge")


def _not_shut_out(bridge: str, serves: bool) -> str | None:
    """Shut the host out of a bridge; why that is not possible, if it is not: libvirt's daemon made it, and
    this process may lack the right to change it."""
    try:
        isolation.shut_host_out(bridge, serves=serves)
    except errors.FabricError as problem:
        return problem.message
    return None


def _xml(network: Any) -> str:
    return str(connection.call("reading a network", network.XMLDesc, 0))


def _is_active(network: Any) -> bool:
    return bool(connection.call("reading a network", network.isActive))


def _unreadable(network: Any, problem: errors.SecondsiteError) -> NetworkInfo:
    """What is known of a network whose definition cannot be read; the others are there all the same."""
    log.warning("network.not-read", network=network.name(), problem=problem.message)
    why = f"{problem.message} {problem.do}"
    return NetworkInfo(name=network.name(), kind="libvirt", active=False, problem=why)


def _own_bridge(root: Element) -> str | None:
    """The bridge that libvirt itself made for a network, if it made one; another one is of the host."""
    forward, bridge = root.find("forward"), root.find("bridge")
    mode = "none" if forward is None else forward.get("mode", "nat")
    return bridge.get("name") if bridge is not None and mode in ITS_OWN_SERVER else None


def _with_portgroups(root: Element, active: bool, tagging: bool) -> Iterator[NetworkInfo]:
    """The network, and each of its portgroups as a network by itself."""
    whole, filtered = _libvirt_network(root, active), tagging and _filters_tags(root)
    yield whole.model_copy(update={"carries_vlans": vlans.carries(root, filtered=filtered)})
    for each in root.iterfind("portgroup"):
        name = portgroups.called(whole.name, each.get("name"))
        tags = vlans.tags(each) or whole.vlans
        carries = vlans.carries(root, each, filtered=filtered)
        yield whole.model_copy(update={"name": name, "vlans": tags, "carries_vlans": carries})


def _filters_tags(root: Element) -> bool:
    """Whether it is a bridge of the host that keeps tags apart: in networks on bridges of libvirt's own no
    release takes any."""
    bridge = root.find("bridge")
    return (
        bridge is not None
        and root.find("forward[@mode='bridge']") is not None
        and vlans.filters(bridge.get("name", ""))
    )


def _libvirt_network(root: Element, active: bool = True) -> NetworkInfo:
    forward, tag = root.find("forward"), domain_xml.tag_of(root)
    mode = "none" if forward is None else forward.get("mode", "nat")
    ranges = subnets.dhcp_ranges(root)
    return NetworkInfo(
        name=root.findtext("name", ""),
        kind="libvirt",
        isolated=forward is None and (tag is not None or root.find("ip") is None),
        active=active,
        vlans=vlans.tags(root),
        subnets=subnets.of_network(root),
        gives_addresses=bool(ranges) if mode in ITS_OWN_SERVER else None,
        ranges=ranges,
        leads_to=uplinks.of_network(root),
        takes_filters=_takes_filters(root, mode),
        tag=tag,
    )


def _takes_filters(root: Element, mode: str) -> bool:
    """Whether a network's cards can have filters: libvirt filters only on Linux bridges."""
    port, bridge = root.find("virtualport"), root.find("bridge")
    return mode in ITS_OWN_SERVER or (bridge is not None and port is None)


def _isolated_xml(name: str, tag: str, span: LocalSpan | None) -> str:
    root = Element("network", {"ipv6": "no"})
    SubElement(root, "name").text = name
    domain_xml.set_tag(root, tag)
    SubElement(root, "bridge", {"stp": "off", "delay": "0"})
    if span is not None:
        SubElement(root, "mtu", {"size": str(span.mtu)})
    return ElementTree.tostring(root, encoding="unicode")
