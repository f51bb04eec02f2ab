"""One network for the machines of a drill at several hosts of a site (S-092): which hosts share it is decided
with the request, and every host's order names all of them, and the cards of all machines."""

from collections.abc import Mapping, Sequence

from ....domain.drills.networks import CREATE_EACH, MADE
from ....domain.networks import spanning
from ....domain.networks.spanning import SegmentHost
from ....wire.common.base import Shape
from ....wire.common.machines import NetworkSpan, Segment
from ....wire.control.cards import LocalCard
from ....wire.control.orders import CreateNetwork, DrillNetwork
from ...store import ApplianceRecord, MachineRecord, Transaction
from ..sides import drill_networks, network_cards, shared_drill_network


class DrillSpan(Shape):
    """What the machines of a site share in a drill: the addresses of their hosts' drill segments, the longest
    packet, in bytes, and the ids of the machines."""

    members: tuple[Segment, ...]
    mtu: int
    machines: tuple[str, ...]


def of(tx: Transaction, machines: Sequence[MachineRecord], network: str) -> Mapping[str, DrillSpan]:
    """What each machine shares with those at other hosts, by its id; none for one that does not."""
    found: dict[str, DrillSpan] = {}
    for there in _by_site(machines).values() if network in MADE else ():
        hosts = _hosts(tx, there)
        if len(hosts) > 1 and spanning.why_not(hosts) is None:
            ids = tuple(sorted(each.id for each in there))
            members = tuple(sorted(str(each.address) for each in hosts.values()))
            span = DrillSpan(members=members, mtu=spanning.mtu(list(hosts.values())), machines=ids)
            found |= dict.fromkeys(ids, span)
    return found


def reaching(
    tx: Transaction, machines: Sequence[MachineRecord]
) -> tuple[list[Sequence[MachineRecord]], list[str]]:
    """The machines as they reach each other in networks that are made for a drill, and why not all do."""
    groups: list[Sequence[MachineRecord]] = []
    reasons = []
    for site, there in sorted(_by_site(machines).items()):
        hosts = _hosts(tx, there)
        why_not = spanning.why_not(hosts) if len(hosts) > 1 else None
        if why_not is None:
            groups.append(there)
            continue
        groups.extend([each for each in there if each.target_appliance_id == host] for host in sorted(hosts))
        reasons.append(f"at {site} {why_not}")
    return groups, reasons


def over_hosts(tx: Transaction, order: CreateNetwork, span: DrillSpan | None, network: str) -> CreateNetwork:
    """The order, for all hosts that share the networks; unchanged if none does. `network`: what was asked
    for."""
    if span is None:
        return order
    machines = sorted(tx.machines.several(list(span.machines)), key=lambda each: each.id)
    first, *more = (_over_hosts(tx, each, span, machines, network) for each in (order, *order.more))
    return order.model_copy(update={**dict(first), "more": tuple(more)})


def _over_hosts(
    tx: Transaction, made: DrillNetwork, span: DrillSpan, machines: Sequence[MachineRecord], network: str
) -> DrillNetwork:
    """The network with the cards of all machines that are on it."""
    serving = made.serving
    if serving is not None:
        cards = ((each, _cards(tx, made, each, network)) for each in machines)
        hosts = tuple(
            host
            for each, on_it in cards
            for host in shared_drill_network.serving(tx, each, on_it, serving.subnet, ()).hosts
        )
        serving = serving.model_copy(update={"hosts": hosts})
    shared = NetworkSpan(vni=spanning.number(made.name), mtu=span.mtu, members=span.members)
    return DrillNetwork(name=made.name, drill=made.drill, serving=serving, span=shared)


def _cards(tx: Transaction, made: DrillNetwork, machine: MachineRecord, network: str) -> list[LocalCard]:
    """The machine's cards on that network."""
    connected = (
        drill_networks.cards(tx, machine, str(made.drill))
        if network == CREATE_EACH
        else network_cards.in_drill(tx, machine, made.name)
    )
    return [card for card in connected if card.network == made.name]


def _by_site(machines: Sequence[MachineRecord]) -> dict[str, list[MachineRecord]]:
    found: dict[str, list[MachineRecord]] = {}
    for each in machines:
        found.setdefault(each.target_site, []).append(each)
    return found


def _hosts(tx: Transaction, machines: Sequence[MachineRecord]) -> dict[str, SegmentHost]:
    """The hosts of these machines, by their appliances' ids."""
    ids = sorted({each.target_appliance_id for each in machines})
    return {each: _host(each, tx.appliances.find(each)) for each in ids}


def _host(appliance_id: str, appliance: ApplianceRecord | None) -> SegmentHost:
    name = f"'{appliance.name}'" if appliance is not None else appliance_id
    segment = appliance.capacity.segment if appliance is not None and appliance.capacity is not None else None
    if segment is None:
        return SegmentHost(name)
    return SegmentHost(name, segment.address, segment.mtu, segment.problem)
