"""Whether the addresses that a guest has now will do at the other site, if nothing else is set for its cards.

Nobody knows whether a guest asks a DHCP server for them, and gets others there: what does not fit is warned of, and never refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....domain.networks import addresses
from ....wire.control.cards import CardHere
from ....wire.control.checks import Obstacles, ObstacleShape, StandIn
from ... import ports
from ..obstacles import NOTHING
from . import pooling

Told = Mapping[str, Sequence[str]]
"""Addresses of cards, by MAC address, as the guest's agent says."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`said`: a part of a sentence, about cards whose addresses fit or of whose networks no subnet is known."""

    said: str = ""
    unfit: Obstacles = NOTHING


def look(
    tx: ports.Transaction,
    machine: ports.MachineRecord,
    cards: Sequence[CardHere],
    told: Told,
    known: Sequence[StandIn],
) -> Fit:
    """At the second site. `known`: the subnets of networks there, as their appliance says; else that of a network's pool."""
    subnets = {**pooling.subnets(tx, machine.target_site), **_subnets(known)}
    keeps = [
        (card, address, subnets.get(str(card.network)))
        for card in cards
        if card.network is not None and card.address is None
        for address in told.get(card.mac.lower(), ())
    ]
    return Fit(
        "".join(_said(*each) for each in keeps if not _is_outside(*each[1:])),
        Obstacles(
            obstacles=tuple(_unfit(machine, *each) for each in keeps if _is_outside(*each[1:])),
        ),
    )


def at_home(tx: ports.Transaction, machine: ports.MachineRecord) -> str:
    """A part of a sentence: what a machine that comes home has there (S-177)."""
    settings, held = tx.settings.cards(machine.id), pooling.away(tx, machine)
    keys = {nic.mac.lower(): nic.key for nic in machine.definition.nics}
    there = {card.mac: card.address and addresses.host(card.address) for card in settings if card.connected}
    there |= {card.mac: held.get(card.mac) for card in settings if card.from_pool and card.connected}
    given = [f"{keys.get(mac, mac)} in place of {address}" for mac, address in there.items() if address]
    if not given:
        return "; its guest keeps the addresses that it has, as far as it does not ask for them"
    return f"; at home its guest has its own addresses again: {', '.join(given)}"


def _subnets(known: Sequence[StandIn]) -> dict[str, str]:
    return {each.network: each.subnet for each in known if each.subnet is not None}


def _is_outside(address: str, subnet: str | None) -> bool:
    return subnet is not None and not addresses.lies_in(address, subnet)


def _said(card: CardHere, address: str, subnet: str | None) -> str:
    if subnet is None:
        return f"; {card.key} keeps {address}: the subnet of {card.network} is not known"
    return f"; {card.key} keeps {address}, which fits {card.network} ({subnet})"


def _unfit(machine: ports.MachineRecord, card: CardHere, address: str, subnet: str | None) -> ObstacleShape:
    return ObstacleShape(
        what=f"{card.key} ({card.mac}) keeps {address}, which is not in the network '{card.network}' ({subnet}): unless its guest asks a "
        "DHCP server, it will not be reachable there.",
        do=f"Set an address ('secondsite card set {machine.name} {card.key} --address ADDRESS/PREFIX'), or let it have one out of a pool "
        "(--from-pool).",
        blocking=False,
    )
