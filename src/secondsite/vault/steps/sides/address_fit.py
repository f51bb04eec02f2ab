"""Whether the present addresses of a guest fit the networks at the other site, if no others are set for its
cards.

It is not known whether a guest asks a DHCP server for its addresses, and so gets others there: one of its
own that does not fit is only a warning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....domain import shell
from ....domain.networks import addresses
from ....wire.control.cards import LocalCard
from ....wire.control.checks import NetworkCandidate, Obstacles, ObstacleShape
from ...store import MachineRecord, Transaction
from ..obstacles import NOTHING
from . import pool_addresses

Told = Mapping[str, Sequence[str]]
"""Addresses of cards, by MAC address, as the guest's agent reports them."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The result. `said`: a part of a sentence, about cards whose addresses fit or whose networks' subnets
    are not known."""

    said: str = ""
    unfit: Obstacles = NOTHING


def look(
    tx: Transaction,
    machine: MachineRecord,
    cards: Sequence[LocalCard],
    told: Told,
    known: Sequence[NetworkCandidate],
    *,
    runs: bool = False,
    blocking: bool = False,
) -> Fit:
    """Whether the addresses fit at the second site. `runs`: the machine runs now, so its guest could report
    them. `known`: the networks there, as their appliance reports them; a pool tells the subnet of its
    network, or of a VLAN in it. `blocking`: an address that is set, and is not in its pool's subnet, is no
    mere warning; its appliance judges those in subnets that it knows."""
    there = {each.network: each for each in known}
    asks = [card for card in cards if card.network is not None and card.address is None]
    keeps = [
        (card, address, _subnet(tx, machine, card, there))
        for card in asks
        for address in told.get(card.mac.lower(), ())
    ]
    unfit = [_unfit(machine, *each) for each in keeps if _is_outside(*each[1:])]
    fitting = [(card, address, subnet) for card, address, subnet in keeps if not _is_outside(address, subnet)]
    stays = {card.mac for card, _, subnet in fitting if subnet is not None}
    ungiven = [_ungiven(machine, card) for card in asks if card.mac not in stays and _gives_none(there, card)]
    silent = [
        _unsettable(machine, card)
        for card in cards
        if runs and _wants(card) and not told.get(card.mac.lower()) and not _gives(there, card)
    ]
    strange = [
        _strange(machine, card, subnet, blocking=blocking)
        for card in cards
        if _wants(card) and (subnet := _named(tx, machine, card, there)) is not None
        if _is_outside(str(card.address), subnet)
    ]
    found = (*unfit, *ungiven, *silent, *strange)
    return Fit("".join(_said(*each) for each in fitting), Obstacles(obstacles=found))


def subnets(
    tx: Transaction, machine: MachineRecord, cards: Sequence[LocalCard]
) -> Mapping[str, tuple[str, ...]]:
    """The subnets of the cards' networks there by the cards' keys: of the pool for a card's VLAN tag, else as
    the site said last, else of the network's pool."""
    seen = tx.inventories.find(machine.target_site)
    there = {each.name: each.subnets for each in (seen.inventory.networks if seen is not None else ())}
    found = {}
    for card in cards:
        pool = pool_addresses.of_network(tx, machine.target_site, str(card.network), card.vlans)
        own = () if pool is None else (pool.subnet,)
        is_tagged = pool is not None and pool.vlan is not None
        found[card.key] = own if is_tagged else there.get(str(card.network), ()) or own
    return found


def at_home(tx: Transaction, machine: MachineRecord) -> str:
    """A part of a sentence: the addresses at home of a machine that comes home (S-177)."""
    settings, held = tx.settings.cards(machine.id), pool_addresses.away(tx, machine)
    keys = {nic.mac.lower(): nic.key for nic in machine.definition.nics}
    there = {card.mac: card.address and addresses.host(card.address) for card in settings if card.connected}
    there |= {card.mac: held.get(card.mac) for card in settings if card.from_pool and card.connected}
    given = [f"{keys.get(mac, mac)} in place of {address}" for mac, address in there.items() if address]
    if not given:
        return "; its guest keeps the addresses that it has, as far as it does not ask for them"
    return f"; at home its guest has its own addresses again: {', '.join(given)}"


def _subnet(
    tx: Transaction, machine: MachineRecord, card: LocalCard, there: Mapping[str, NetworkCandidate]
) -> str | None:
    named, said = _named(tx, machine, card, there), there.get(str(card.network))
    return named or (None if said is None else said.subnet)


def _named(
    tx: Transaction, machine: MachineRecord, card: LocalCard, there: Mapping[str, NetworkCandidate]
) -> str | None:
    """The subnet that its owner has named, by a pool, where the site does not know it."""
    pool = pool_addresses.of_network(tx, machine.target_site, str(card.network), card.vlans)
    said = there.get(str(card.network))
    is_needed = pool is not None and (pool.vlan is not None or said is None or said.subnet is None)
    return pool.subnet if pool is not None and is_needed else None


def _gives_none(there: Mapping[str, NetworkCandidate], card: LocalCard) -> bool:
    """Whether the card's network is a virtual one in which nothing gives addresses, as far as its host knows
    (S-269)."""
    said = there.get(str(card.network))
    return said is not None and said.gives_addresses is False


def _gives(there: Mapping[str, NetworkCandidate], card: LocalCard) -> bool:
    """Whether the card's network has a DHCP server that can be told the address."""
    said = there.get(str(card.network))
    return said is not None and bool(said.gives_addresses)


def _wants(card: LocalCard) -> bool:
    return card.network is not None and card.address is not None


def _is_outside(address: str, subnet: str | None) -> bool:
    return subnet is not None and not addresses.lies_in(address, subnet)


def _said(card: LocalCard, address: str, subnet: str | None) -> str:
    if subnet is None:
        return f"; {card.key} keeps {address}: the subnet of {card.network} is not known"
    return f"; {card.key} keeps {address}, which fits {card.network} ({subnet})"


def _ungiven(machine: MachineRecord, card: LocalCard) -> ObstacleShape:
    site = machine.target_site
    return ObstacleShape(
        what=f"{card.key} ({card.mac}) comes to '{card.network}' of {site}, a virtual network without a "
        "DHCP server: if its guest asks for an address, it gets none.",
        do=f"Define one ('virsh net-edit {shell.arguments(str(card.network))}', <dhcp>), or let the card "
        "have an address of its own ('secondsite card set "
        f"{shell.arguments(machine.name, card.key, options='--address ADDRESS/PREFIX')}') or out of a pool "
        "(--from-pool).",
        blocking=False,
    )


def _unsettable(machine: MachineRecord, card: LocalCard) -> ObstacleShape:
    return ObstacleShape(
        what=f"{card.key} ({card.mac}) should have {card.address} at {machine.target_site}, but no guest "
        f"agent answers in {machine.name}: it cannot be set there, and the guest starts with its present "
        "address.",
        do="Install qemu-guest-agent in it, with its channel (virtio, org.qemu.guest_agent.0), which sets "
        "addresses in Linux and Windows; or give it the address by a DHCP server there. Else set it by hand "
        "after the start.",
        blocking=False,
    )


def _strange(machine: MachineRecord, card: LocalCard, subnet: str, *, blocking: bool) -> ObstacleShape:
    return ObstacleShape(
        what=f"{card.key} ({card.mac}) is to have the address {card.address}, which is not in the network "
        f"'{card.network}' ({subnet}, by its pool): nobody there reaches it.",
        do="Set another address ('secondsite card set "
        f"{shell.arguments(machine.name, card.key, options='--address ADDRESS/PREFIX')}'), or connect the "
        "card to another network (--network NAME).",
        blocking=blocking,
    )


def _unfit(machine: MachineRecord, card: LocalCard, address: str, subnet: str | None) -> ObstacleShape:
    return ObstacleShape(
        what=f"{card.key} ({card.mac}) keeps {address}, which is not in the network '{card.network}' "
        f"({subnet}): unless its guest asks a DHCP server, it will not be reachable there.",
        do="Set an address ('secondsite card set "
        f"{shell.arguments(machine.name, card.key, options='--address ADDRESS/PREFIX')}'), or let it have "
        "one out of a pool (--from-pool).",
        blocking=False,
    )
