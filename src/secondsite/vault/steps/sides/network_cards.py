"""What each network card of a machine is connected to at its target: by the card's settings, else by the
mapping of its network."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from ....domain import shell
from ....domain.networks import macs, portgroups
from ....wire.common.cards import CardSettings
from ....wire.common.machines import NicDefinition
from ....wire.control.cards import LocalCard
from ....wire.control.checks import HomeCards, Obstacles, ObstacleShape, PointCards
from ...store import MachineRecord, Transaction

FAILOVER_RUN = "failover"


def at_target(tx: Transaction, machine: MachineRecord) -> tuple[LocalCard, ...]:
    """The cards after a failover. If the machine comes home, what its network of the other site is mapped to,
    else its own; None (not connected) if nothing is mapped or wanted."""
    if machine.reversed:
        return _at_home(tx, machine)
    by_name, own = _by_name(tx, machine), set_for(tx, machine)
    found = ((nic, own.get(nic.mac.lower())) for nic in at_source(tx, machine))
    return tuple(
        _here(nic, _wanted(each, by_name, nic), None if each is None else each.address) for nic, each in found
    )


def at_source(tx: Transaction, machine: MachineRecord) -> tuple[NicDefinition, ...]:
    """The cards with the networks that they have at its source, as far as mappings say it: its definition has
    those of its home."""
    if not machine.is_away:
        return machine.definition.nics
    known = tx.networks.list(machine.home_site, machine.source_site)
    by_name = {each.source_network: each.target_network for each in known}
    return tuple(
        nic.model_copy(update={"network": portgroups.mapped(nic.network, by_name)})
        for nic in machine.definition.nics
    )


def mappings(tx: Transaction, machine: MachineRecord) -> dict[str, str] | None:
    """What networks of its home are mapped to, for the cards as the point has them that it starts from; None
    if it comes home."""
    return None if machine.reversed else _by_name(tx, machine)


def set_by_a_person(tx: Transaction, machine: MachineRecord) -> tuple[str, ...]:
    """The MAC addresses of cards for which no mapping counts."""
    return tuple(mac for mac, card in set_for(tx, machine).items() if card.network or not card.connected)


def set_networks(tx: Transaction, machine: MachineRecord) -> dict[str, str | None]:
    """The networks that a person has set, by MAC address, also of cards that the machine has no more."""
    own = set_for(tx, machine)
    return {mac: own[mac].network if own[mac].connected else None for mac in set_by_a_person(tx, machine)}


def at_point(tx: Transaction, machine: MachineRecord, point_id: str) -> PointCards | None:
    """How the cards of a point are connected; None if the machine comes home, as it was."""
    if machine.reversed:
        return None
    own, by_name = set_networks(tx, machine), _by_name(tx, machine)
    return PointCards(point_id=point_id, networks_by_mac=own, mappings=by_name)


def set_networks_in_drill(tx: Transaction, machine: MachineRecord) -> dict[str, str | None]:
    """The same for a drill."""
    return {
        mac: card.test_network if card.test_connected else None
        for mac, card in set_for(tx, machine).items()
        if card.test_network or not card.test_connected
    }


def in_drill(
    tx: Transaction,
    machine: MachineRecord,
    network: str | None,
    each: Mapping[str, str] | None = None,
) -> tuple[LocalCard, ...]:
    """The cards in a drill: the drill's network, or the one that is set for the card; a drill without a
    network connects none. `each`: instead a network for each card, by its MAC address at home."""
    own = {} if network is None and each is None else set_for(tx, machine)
    found = ((nic, own.get(nic.mac.lower())) for nic in machine.definition.nics)
    return tuple(
        _here(
            nic,
            _drilled(settings, network if each is None else each.get(nic.mac.lower())),
            None if settings is None else settings.test_address,
        )
        for nic, settings in found
    )


def new_macs(tx: Transaction, machine: MachineRecord, run: str) -> dict[str, str]:
    """The MAC addresses of cards that do not keep their own; those of a drill differ from these, because both
    machines may be on one network."""
    return {mac: _new(machine, mac, run) for mac, card in set_for(tx, machine).items() if not card.keep_mac}


def mac_away(machine: MachineRecord, card: CardSettings) -> str:
    """The card's MAC address after a failover."""
    return card.mac if card.keep_mac else _new(machine, card.mac, FAILOVER_RUN)


def wished(tx: Transaction, machine: MachineRecord) -> dict[str, str]:
    """The addresses in a test failover of cards that have one set, by their MAC addresses at home: that of a
    failover, unless another is set for test failovers."""
    found = {mac: card.test_address or card.address for mac, card in set_for(tx, machine).items()}
    return {mac: address for mac, address in found.items() if address is not None}


def checked(tx: Transaction, machine: MachineRecord) -> tuple[LocalCard, ...]:
    """The cards that the target is asked about; none at home, where the machine is as it was, perhaps on
    networks of kinds that no list has."""
    return () if machine.reversed else at_target(tx, machine)


def at_home(tx: Transaction, machine: MachineRecord) -> HomeCards | None:
    """The cards of a machine that comes home, in case it has to be defined anew there."""
    if not machine.reversed:
        return None
    return HomeCards(fabric_id=machine.target_fabric_id, cards=at_target(tx, machine))


def unconnected(tx: Transaction, machine: MachineRecord, cards: Sequence[LocalCard]) -> Obstacles:
    """A warning for each card that will not be connected because nothing is mapped for its network, or by
    what is set."""
    own, networks = set_for(tx, machine), {nic.key: nic.network for nic in at_source(tx, machine)}
    found = (
        _left_out(card)
        if _is_unwanted(own.get(card.mac.lower()))
        else _unmapped(machine, card, networks[card.key])
        for card in cards
        if card.network is None
    )
    return Obstacles(obstacles=(*found, *_for_no_card(machine, own)))


def _for_no_card(machine: MachineRecord, own: Mapping[str, CardSettings]) -> Iterator[ObstacleShape]:
    """A warning for each setting whose card the machine has no more, as after a change of its MAC address."""
    there = {nic.mac.lower() for nic in machine.definition.nics}
    for mac in sorted(own.keys() - there):
        yield ObstacleShape(
            what=f"What is set for the card {mac} counts for none that the machine has now.",
            do=(
                "If its card has another MAC address by now, set it for that one: 'secondsite card list "
                f"{shell.arguments(machine.name)}' names them; it counts for older points all the same."
            ),
            blocking=False,
        )


def away(tx: Transaction, machine: MachineRecord) -> tuple[LocalCard, ...]:
    """What the cards are connected to at the second site, even while the machine is about to come home."""
    other = machine.source_site if machine.is_away else machine.target_site
    known = tx.networks.list(machine.home_site, other)
    by_name = {each.source_network: each.target_network for each in known}
    own = {card.mac: card for card in tx.settings.cards(machine.id)}
    found = ((nic, own.get(nic.mac.lower())) for nic in machine.definition.nics)
    return tuple(_here(nic, _wanted(each, by_name, nic)) for nic, each in found)


def by_mac(cards: Sequence[LocalCard]) -> dict[str, str | None]:
    """Their networks."""
    return {card.mac.lower(): card.network for card in cards if card.mac}


def names(cards: Sequence[LocalCard]) -> tuple[str, ...]:
    """The networks that are needed, each once."""
    return tuple(dict.fromkeys(card.network for card in cards if card.network is not None))


def set_for(tx: Transaction, machine: MachineRecord) -> dict[str, CardSettings]:
    """Settings by MAC address; settings are for the second site."""
    if machine.reversed:
        return {}
    return {card.mac: card for card in tx.settings.cards(machine.id)}


def _at_home(tx: Transaction, machine: MachineRecord) -> tuple[LocalCard, ...]:
    """The cards at home, which count if the machine is defined anew: a machine that was withdrawn there has
    its former networks."""
    there = {
        each.source_network: each.target_network
        for each in tx.networks.list(machine.target_site, machine.source_site)
    }
    back = {
        each.source_network: each.target_network
        for each in tx.networks.list(machine.source_site, machine.target_site)
    }
    own = {card.mac: card for card in tx.settings.cards(machine.id)}
    away = ((nic, _wanted(own.get(nic.mac.lower()), there, nic)) for nic in machine.definition.nics)
    return tuple(_here(nic, portgroups.mapped(network, back) or nic.network) for nic, network in away)


def _by_name(tx: Transaction, machine: MachineRecord) -> dict[str, str]:
    known = tx.networks.list(machine.source_site, machine.target_site)
    return {each.source_network: each.target_network for each in known}


def _here(nic: NicDefinition, network: str | None, address: str | None = None) -> LocalCard:
    return LocalCard(key=nic.key, mac=nic.mac, network=network, vlans=nic.vlans, address=address)


def _wanted(own: CardSettings | None, by_name: Mapping[str, str], nic: NicDefinition) -> str | None:
    mapped = portgroups.mapped(nic.network, by_name)
    if own is None:
        return mapped
    return (own.network or mapped) if own.connected else None


def _drilled(own: CardSettings | None, network: str | None) -> str | None:
    if own is None:
        return network
    return (own.test_network or network) if own.test_connected else None


def _new(machine: MachineRecord, mac: str, run: str) -> str:
    """A MAC address, the same at every start, so that leases or licences by MAC address stay valid."""
    return macs.made_of(f"{machine.id}/{mac}/{run}")


def _is_unwanted(own: CardSettings | None) -> bool:
    return own is not None and not own.connected


def _left_out(card: LocalCard) -> ObstacleShape:
    what = f"{card.key} ({card.mac}) will not be connected, as is set for it."
    return ObstacleShape(what=what, do="See 'secondsite card list MACHINE' if it should be.", blocking=False)


def _unmapped(machine: MachineRecord, card: LocalCard, network: str | None) -> ObstacleShape:
    source, target = machine.source_site, machine.target_site
    if network is None:
        what = (
            f"{card.key} ({card.mac}) is on no network of {source} that could be mapped: it will not be "
            "connected."
        )
        do = (
            "Give it one: 'secondsite card set "
            f"{shell.arguments(machine.name, card.mac, options='--network NETWORK')}'."
        )
        return ObstacleShape(what=what, do=do, blocking=False)
    what = f"{card.key} ({card.mac}) has no mapped network at {target}: it will not be connected."
    do = (
        f"Map its network: 'secondsite mapping create {shlex.quote(f'{source}/{network}')} {target}/NETWORK'."
    )
    return ObstacleShape(what=what, do=do, blocking=False)
