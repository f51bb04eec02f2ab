"""One network of a drill for each network that its machines' cards are in at home (S-105): it stands for that
network, and has its subnet.

Cards with different VLAN tags are in different networks, although their network has one name: each tag gets a
network of its own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....domain import errors
from ....domain.networks import addresses, portgroups, subnets
from ....wire.common.cards import PoolSettings
from ....wire.control.cards import LocalCard
from ....wire.control.checks import NetworkCandidate, Obstacles, ObstacleShape, TargetCheckFact
from ....wire.control.orders import CreateNetwork, DrillNetwork
from ...store import MachineRecord, Transaction
from . import network_cards, pool_addresses, shared_drill_network
from .source import Source

UNKNOWN_DO = (
    "Give the network that it is mapped to an address in its subnet at its site (its host's bridge, or "
    "libvirt's <ip>), or use '--network create --subnet CIDR'."
)


@dataclass(frozen=True, slots=True)
class HomeNetwork:
    """The home network that a network of the drill stands for. `target`: the network that it is mapped to."""

    name: str
    vlans: tuple[int, ...]
    target: str | None


def called(network: str, vlans: Sequence[int]) -> str:
    """A network's name, with the VLAN tags that a card has in it."""
    return f"{network} (VLAN {', '.join(map(str, vlans))})" if vlans else network


def of(tx: Transaction, machine: MachineRecord) -> dict[str, HomeNetwork]:
    """The home networks of the machine's cards, by MAC address. A card with a network of its own for test
    failovers is left out."""
    own = network_cards.set_for(tx, machine)
    mappings = tx.networks.list(machine.source_site, machine.target_site)
    mapped = {} if machine.reversed else {each.source_network: each.target_network for each in mappings}
    found: dict[str, HomeNetwork] = {}
    for nic in machine.definition.nics if machine.reversed else network_cards.at_source(tx, machine):
        settings = own.get(nic.mac.lower())
        elsewhere = settings is not None and (settings.test_network or not settings.test_connected)
        if nic.network is not None and not elsewhere:
            target = nic.network if machine.reversed else portgroups.mapped(nic.network, mapped)
            found[nic.mac.lower()] = HomeNetwork(nic.network, nic.vlans, target)
    return found


def asked(networks: Mapping[str, HomeNetwork]) -> tuple[str, ...]:
    """Names of the networks at the target that it is asked about."""
    return tuple(dict.fromkeys(each.target for each in networks.values() if each.target is not None))


def pools_of(
    tx: Transaction, machine: MachineRecord, networks: Mapping[str, HomeNetwork]
) -> dict[HomeNetwork, PoolSettings]:
    """The pools of the networks that they are mapped to, and of their VLAN tags there."""
    wanted = dict.fromkeys(each for each in networks.values() if each.target is not None)
    found = {
        each: pool_addresses.of_network(tx, machine.target_site, str(each.target), each.vlans)
        for each in wanted
    }
    return {each: pool for each, pool in found.items() if pool is not None}


def known(
    networks: Mapping[str, HomeNetwork],
    target: TargetCheckFact,
    source: Source,
    pools: Mapping[HomeNetwork, PoolSettings],
) -> tuple[NetworkCandidate, ...]:
    """The networks by their home names: with the subnet and ranges that the machine has after a failover, as
    its network there has them, or the pool of that network; else its present subnet."""
    each_once = dict.fromkeys(networks.values())
    if not target.serves:
        return tuple(NetworkCandidate(network=called(each.name, each.vlans)) for each in each_once)
    there = {each.network: each for each in target.stand_ins}
    found = [(each, _there(each, there.get(each.target or ""), pools.get(each))) for each in each_once]
    if any(stand_in.subnet is None and stand_in.unserved is None for _, stand_in in found):
        at_home = _at_source(source)
        found = [(home, _else_at_home(stand_in, at_home.get(home.name))) for home, stand_in in found]
    return tuple(stand_in for _, stand_in in found)


def _there(home: HomeNetwork, said: NetworkCandidate | None, pool: PoolSettings | None) -> NetworkCandidate:
    """The network with what the pool adds: a pool for the tag has precedence over the network; one of the
    network adds its ranges, or what the site does not report."""
    name, subnet = called(home.name, home.vlans), None if said is None else said.subnet
    if pool is not None and (subnet in (None, pool.subnet) or pool.vlan is not None):
        usable = subnets.usable_or_none(pool.subnet)
        unserved = said.unserved if said is not None and usable == subnet else None
        return _servable(
            NetworkCandidate(
                network=name, subnet=usable, ranges=pool.ranges if usable else (), unserved=unserved
            )
        )
    if said is None:
        return NetworkCandidate(network=name)
    return _servable(said.model_copy(update={"network": name}))


def _servable(stand_in: NetworkCandidate) -> NetworkCandidate:
    """The network without a subnet that its target cannot serve."""
    return (
        stand_in if stand_in.unserved is None else stand_in.model_copy(update={"subnet": None, "ranges": ()})
    )


def _else_at_home(stand_in: NetworkCandidate, subnet: str | None) -> NetworkCandidate:
    if stand_in.subnet is not None or stand_in.unserved is not None:
        return stand_in
    return stand_in.model_copy(update={"subnet": subnet})


def network(
    tx: Transaction,
    machine: MachineRecord,
    run: str | None,
    known: Sequence[NetworkCandidate],
    dns_servers: Sequence[str],
) -> tuple[CreateNetwork, dict[str, str]] | None:
    """The order for all networks that the machine needs, and the name of each card's, by its MAC address at
    home. None: no card is in a network."""
    drill, settings_of = run or machine.id, {each.network: each for each in known}
    homes = of(tx, machine)
    each = {mac: _name(drill, machine, home) for mac, home in homes.items()}
    connected = cards(tx, machine, drill)
    made: list[DrillNetwork] = []
    for name, home in {each[mac]: home for mac, home in homes.items()}.items():
        # a check of an older vault used the network's name for all its tags
        settings = settings_of.get(called(home.name, home.vlans)) or settings_of.get(home.name)
        on_it, offered = [card for card in connected if card.network == name], None
        if settings is not None and settings.subnet is not None:
            offered = shared_drill_network.serving(
                tx, machine, on_it, settings.subnet, dns_servers, settings.ranges
            )
        made.append(DrillNetwork(name=name, drill=drill, serving=offered))
    if not made:
        return None
    return CreateNetwork(**dict(made[0]), more=tuple(made[1:])), each


def cards(tx: Transaction, machine: MachineRecord, drill: str) -> tuple[LocalCard, ...]:
    """The machine's cards in that drill, each with the name of its network."""
    each = {mac: _name(drill, machine, home) for mac, home in of(tx, machine).items()}
    return network_cards.in_drill(tx, machine, None, each)


def names(machine: MachineRecord, run: str | None, networks: Mapping[str, HomeNetwork]) -> tuple[str, ...]:
    """Names of all networks that the machine needs, each once."""
    return tuple(dict.fromkeys(_name(run or machine.id, machine, home) for home in networks.values()))


def unserved(tx: Transaction, machine: MachineRecord, run: str) -> tuple[DrillNetwork, ...]:
    """All networks that the machine needs in that run, without addresses, which are only known after the
    check."""
    return tuple(DrillNetwork(name=name, drill=run) for name in names(machine, run, of(tx, machine)))


def from_pools(tx: Transaction, machine: MachineRecord) -> dict[str, str]:
    """The keys of cards that should have an address out of a pool, by MAC address."""
    own = network_cards.set_for(tx, machine)
    asks = {mac for mac, each in own.items() if each.from_pool and each.connected}
    return {nic.mac.lower(): nic.key for nic in machine.definition.nics if nic.mac.lower() in asks}


def needing(
    networks: Mapping[str, HomeNetwork], known: Sequence[NetworkCandidate], asks: Mapping[str, str]
) -> Obstacles:
    """Obstacles for cards that should have an address out of a pool, in a network that gives none (S-123)."""
    without = {each.network for each in known if each.subnet is None}
    homes = {mac: called(home.name, home.vlans) for mac, home in networks.items()}
    found = [
        ObstacleShape(
            what=f"{key} should have an address of a pool, but the network for '{homes[mac]}' gives none.",
            do=UNKNOWN_DO,
        )
        for mac, key in asks.items()
        if homes.get(mac) in without
    ]
    return Obstacles(obstacles=tuple(found))


def obstacles(
    known: Sequence[NetworkCandidate], target: TargetCheckFact, dns_servers: Sequence[str], site: str
) -> Obstacles:
    """Obstacles of the networks. One whose subnet is not known gives no addresses, which is no obstacle
    unless it should name a DNS server. That server may be in a network of other machines of the run: then
    this machine's networks name their own."""
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


def _unnamed(dns_servers: Sequence[str], there: Sequence[NetworkCandidate]) -> ObstacleShape:
    """`there`: networks whose subnets are known."""
    names = ", ".join(dns_servers)
    if not there:
        what = f"The DNS server {names} cannot be named in any network of the machine: none gives addresses."
        return ObstacleShape(what=what, do=f"Leave --dns-server out. Or: {UNKNOWN_DO}")
    listed = ", ".join(f"{each.network} ({each.subnet})" for each in there)
    what = f"The DNS server {names} is in no network of the machine, {listed}: these name their own."
    do = (
        "That is right if it is in the network of another machine of this test failover; else give one in "
        "these subnets."
    )
    return ObstacleShape(what=what, do=do, blocking=False)


def _without_addresses(stand_in: NetworkCandidate, target: TargetCheckFact, site: str) -> ObstacleShape:
    if not target.serves:
        what = (
            f"The network for '{stand_in.network}' gives no addresses: {site} cannot give any in networks "
            "that it makes."
        )
        return ObstacleShape(
            what=what, do="Set the addresses of its machines, if they need others.", blocking=False
        )
    if stand_in.unserved is not None:
        what = f"The network for '{stand_in.network}' gives no addresses: {stand_in.unserved}"
        return ObstacleShape(
            what=what,
            do="Set the addresses of its machines, or use '--network create --subnet CIDR' with another one.",
            blocking=False,
        )
    what = (
        f"The network for '{stand_in.network}' gives no addresses: neither its subnet nor that of the "
        "network it is mapped to is known."
    )
    return ObstacleShape(what=what, do=UNKNOWN_DO, blocking=False)


def _at_source(source: Source) -> dict[str, str]:
    """Subnets of the networks at the source. A source that does not answer at once is not waited for: its
    loss may be what the drill is about."""
    try:
        found = source.networks()
    except errors.SecondsiteError:
        return {}
    only = ((each.name, each.subnets[0]) for each in found if len(each.subnets) == 1)
    usable = ((name, subnets.usable_or_none(subnet)) for name, subnet in only)
    return {name: subnet for name, subnet in usable if subnet is not None}


def _name(drill: str, machine: MachineRecord, home: HomeNetwork) -> str:
    """The name of a drill's network, the same for every machine of the run."""
    tags = ",".join(map(str, home.vlans))
    digest = hashlib.sha256(f"{drill}/{machine.source_site}/{home.name}/{tags}".encode()).hexdigest()
    return f"ss-{digest[:12]}"
