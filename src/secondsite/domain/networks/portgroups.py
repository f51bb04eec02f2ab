"""Portgroups: parts of a network with settings of their own, such as a VLAN tag. Each counts as a network by
itself, with the name NETWORK/PORTGROUP: whoever is not in it may be in another VLAN, or in all of them."""

from collections.abc import Mapping

BETWEEN = "/"


def called(network: str, portgroup: str | None) -> str:
    """The portgroup's name as a network; that of the network, if it is none."""
    return f"{network}{BETWEEN}{portgroup}" if portgroup else network


def split(name: str) -> tuple[str, str | None]:
    """The network and the portgroup in it; None: the network itself."""
    network, _, portgroup = name.partition(BETWEEN)
    return network, portgroup or None


def mapped(name: str | None, by_name: Mapping[str, str]) -> str | None:
    """What a network becomes; None if no mapping says it. A portgroup without a mapping of its own keeps its
    name in what its network becomes, so that no machine gets into another VLAN by silence."""
    if name is None or name in by_name:
        return None if name is None else by_name[name]
    network, portgroup = split(name)
    becomes = by_name.get(network)
    if portgroup is None or becomes is None or BETWEEN in becomes:
        return None
    return called(becomes, portgroup)
