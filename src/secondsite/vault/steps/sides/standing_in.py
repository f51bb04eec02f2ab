"""One network of a drill for each that its machines' cards are in at home (S-105): it stands for that network, and has its subnet.

Cards with different VLAN tags are in different networks, although their network has one name: each tag gets one of its own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....domain import errors
from ....domain.networks import addresses, subnets
from ....wire.control.checks import CheckedTarget, Obstacles, ObstacleShape, StandIn
from ....wire.control.orders import CreateNetwork, DrillNetwork
from ... import ports
from . import cards, drilling
from .source import Source

UNKNOWN_DO = (
    "Give the network that it is mapped to an address in its subnet at its site (its host's bridge, or libvirt's <ip>), or use "
    "'--network create --subnet CIDR'."
)


@dataclass(frozen=True, slots=True)
class HomeNetwork:
    """What a network of the drill stands for. `target`: what it is mapped to."""

    name: str
    vlans: tuple[int, ...]
    target: str | None


def called(network: str, vlans: Sequence[int]) -> str:
    """A network, and the tags that a card has in it."""
    return f"{network} (VLAN {', '.join(map(str, vlans))})" if vlans else network


def of(tx: ports.Transaction, machine: ports.MachineRecord) -> dict[str, HomeNetwork]:
    """By the MAC addresses of the cards that are in one. A card with a network of its own in test failovers is on that."""
    own = cards.set_for(tx, machine)
    mappings = tx.networks.list(machine.source_site, machine.target_site)
    mapped = {} if machine.reversed else {each.source_network: each.target_network for each in mappings}
    found: dict[str, HomeNetwork] = {}
    for nic in machine.definition.nics:
        settings = own.get(nic.mac.lower())
        elsewhere = settings is not None and (settings.test_network or not settings.test_connected)
        if nic.network is not None and not elsewhere:
            target = nic.network if machine.reversed else mapped.get(nic.network)
            found[nic.mac.lower()] = HomeNetwork(nic.network, nic.vlans, target)
    return found


def asked(networks: Mapping[str, HomeNetwork]) -> tuple[str, ...]:
    """Names at the target: what the target is asked about."""
    return tuple(dict.fromkeys(each.target for each in networks.values() if each.target is not None))


def known(
    networks: Mapping[str, HomeNetwork], target: CheckedTarget, source: Source, pools: Mapping[str, str]
) -> tuple[StandIn, ...]:
    """By their names at home: the subnet that the machine has after a failover, as its network there has it, or the pool of that; else that
    which it has now."""
    if not target.serves:
        return tuple(StandIn(network=name) for name in dict.fromkeys(each.name for each in networks.values()))
    there = {name: subnets.usable_or_none(subnet) for name, subnet in pools.items()}
    there |= {each.network: each.subnet for each in target.stand_ins if each.subnet}
    found = {each.name: there.get(each.target or "") for each in networks.values()}
    if None in found.values():
        at_home = _at_source(source)
        found = {name: subnet or at_home.get(name) for name, subnet in found.items()}
    return tuple(StandIn(network=name, subnet=subnet) for name, subnet in found.items())


def network(
    tx: ports.Transaction,
    machine: ports.MachineRecord,
    run: str | None,
    known: Sequence[StandIn],
    dns_servers: Sequence[str],
) -> tuple[CreateNetwork, dict[str, str]] | None:
    """All that the machine needs, and the name of each card's, by its MAC address at home. None: no card of it is in a network."""
    drill, subnet_of = run or machine.id, {each.network: each.subnet for each in known}
    homes = of(tx, machine)
    each = {mac: _name(drill, machine, home) for mac, home in homes.items()}
    connected = cards.in_drill(tx, machine, None, each)
    made: list[DrillNetwork] = []
    for name, home in {each[mac]: home for mac, home in homes.items()}.items():
        subnet, on_it = subnet_of.get(home.name), [card for card in connected if card.network == name]
        offered = subnet and drilling.serving(tx, machine, on_it, subnet, dns_servers)
        made.append(DrillNetwork(name=name, drill=drill, serving=offered or None))
    if not made:
        return None
    return CreateNetwork(**dict(made[0]), more=tuple(made[1:])), each


def obstacles(
    known: Sequence[StandIn], target: CheckedTarget, dns_servers: Sequence[str], site: str
) -> Obstacles:
    """A network whose subnet nobody knows gives no addresses, which is no obstacle unless it is to name a DNS server. That may be in
    a network of other machines of the run: then this machine's name their own."""
    found = [_without_addresses(each, target, site) for each in known if each.subnet is None]
    there = [each for each in known if each.subnet is not None]
    if dns_servers and not any(addresses.inside(dns_servers, str(each.subnet)) for each in there):
        found.append(_unnamed(dns_servers, there))
    return Obstacles(obstacles=tuple(found))


def said(networks: Mapping[str, HomeNetwork], each: Mapping[str, str]) -> str:
    """The end of a sentence: which network stands for which."""
    pairs = dict.fromkeys(
        f"{each[mac]} stands for {called(home.name, home.vlans)}" for mac, home in networks.items()
    )
    return "".join(f"; {pair}" for pair in pairs)


def _unnamed(dns_servers: Sequence[str], there: Sequence[StandIn]) -> ObstacleShape:
    """`there`: networks whose subnets are known."""
    names = ", ".join(dns_servers)
    if not there:
        what = f"The DNS server {names} can be named in no network of the machine: none gives addresses."
        return ObstacleShape(what=what, do=f"Leave --dns-server out. Or: {UNKNOWN_DO}")
    listed = ", ".join(f"{each.network} ({each.subnet})" for each in there)
    what = f"The DNS server {names} is in no network of the machine, {listed}: these name their own."
    do = "That is right if it is in the network of another machine of this test failover; else give one in these subnets."
    return ObstacleShape(what=what, do=do, blocking=False)


def _without_addresses(stand_in: StandIn, target: CheckedTarget, site: str) -> ObstacleShape:
    if not target.serves:
        what = f"The network for '{stand_in.network}' gives no addresses: {site} cannot give any in networks that it makes."
        return ObstacleShape(
            what=what, do="Set the addresses of its machines, if they need others.", blocking=False
        )
    what = f"The network for '{stand_in.network}' gives no addresses: neither its subnet nor that of the network it is mapped to is known."
    return ObstacleShape(what=what, do=UNKNOWN_DO, blocking=False)


def _at_source(source: Source) -> dict[str, str]:
    """A source that does not answer at once is not waited for: it may be what the drill is about."""
    try:
        found = source.networks()
    except errors.SecondsiteError:
        return {}
    only = ((each.name, each.subnets[0]) for each in found if len(each.subnets) == 1)
    usable = ((name, subnets.usable_or_none(subnet)) for name, subnet in only)
    return {name: subnet for name, subnet in usable if subnet is not None}


def _name(drill: str, machine: ports.MachineRecord, home: HomeNetwork) -> str:
    """The same for every machine of the run."""
    tags = ",".join(map(str, home.vlans))
    digest = hashlib.sha256(f"{drill}/{machine.source_site}/{home.name}/{tags}".encode()).hexdigest()
    return f"ss-{digest[:12]}"
