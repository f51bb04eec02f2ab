"""Networks to which machines of a cluster are connected: bridges of its nodes, and its own (SDN)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from ...wire.common.base import Shape
from ...wire.common.machines import NetworkInfo
from .connection import Connection
from .shapes import Interface, Node, Vnet, read_all

BRIDGES = {"bridge": "bridge", "OVSBridge": "Open vSwitch bridge"}
MOST_VLAN = 4094


class _Node(Shape):
    node: Node
    status: Annotated[str, Field(max_length=32)] = ""
    type: Literal["node"] = "node"


class PveNetworks:
    """Only the list: no network is made here yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> Sequence[NetworkInfo]:
        """A bridge that only some nodes have says so: a machine is not connected at the others."""
        nodes = [each.node for each in self._nodes() if each.status == "online"]
        found: dict[str, list[tuple[str, Interface]]] = {}
        for node in nodes:
            for each in self._bridges(node):
                found.setdefault(each.iface, []).append((node, each))
        return [*(_bridge(have, nodes) for have in found.values()), *map(_vnet, self._vnets())]

    def _nodes(self) -> Iterator[_Node]:
        told = read_all(_Node, self._connection.get("/nodes"), "its nodes")
        return (each for each in told if isinstance(each, _Node))

    def _bridges(self, node: str) -> Iterator[Interface]:
        told = self._connection.get(f"/nodes/{node}/network", {"type": "any_local_bridge"})
        found = read_all(Interface, told, f"the networks of node {node}")
        return (each for each in found if isinstance(each, Interface) and each.type in BRIDGES)

    def _vnets(self) -> Iterator[Vnet]:
        told = read_all(Vnet, self._connection.get("/cluster/sdn/vnets"), "its networks")
        return (each for each in told if isinstance(each, Vnet))


def _bridge(have: Sequence[tuple[str, Interface]], nodes: Sequence[str]) -> NetworkInfo:
    first = have[0][1]
    some = len(have) < len(nodes)
    problem = f"Only these nodes have it: {', '.join(node for node, _ in have)}. Make it at the others, too."
    return NetworkInfo(
        name=first.iface,
        kind=BRIDGES[first.type],
        active=all(each.active for _, each in have),
        carries_vlans=first.type == "OVSBridge" or all(each.bridge_vlan_aware for _, each in have),
        subnets=tuple(sorted({subnet for _, each in have for subnet in _subnets(each.cidr)})),
        problem=problem if some else None,
    )


def _subnets(cidr: str) -> Iterator[str]:
    """The subnet of a node's own address on it."""
    try:
        found = ipaddress.ip_interface(cidr).network
    except ValueError:
        return
    if found.version == 4:
        yield str(found)


def _vnet(told: Vnet) -> NetworkInfo:
    """The tag of a VXLAN is no VLAN's."""
    vlan = told.tag is not None and told.tag <= MOST_VLAN
    return NetworkInfo(
        name=told.vnet,
        kind=f"SDN network of zone {told.zone}",
        vlans=(told.tag,) if vlan and told.tag is not None else (),
        carries_vlans=told.vlanaware,
    )
