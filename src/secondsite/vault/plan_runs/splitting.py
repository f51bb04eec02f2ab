"""Warnings about networks that a run splits: some machines move with their addresses, while others stay; in
both directions (S-263).

The vault knows only the machines under protection, and takes a network, together with a VLAN tag of its
cards, for one subnet.
"""

from collections.abc import Iterator

from ...domain.lifecycle import Verb
from ...domain.networks import splitting
from ...domain.plans import run_selection
from ...domain.plans.run_selection import RunSelection
from ..steps.drills import networking
from ..steps.sides import drill_networks, network_cards
from ..store import MachineRecord, Transaction
from . import data_synchronization

MOVING = frozenset({Verb.FAILOVER, Verb.PLANNED_FAILOVER})


def warnings(tx: Transaction, verb: Verb, found: RunSelection) -> tuple[str, ...]:
    """A part of a sentence for each network that the run splits."""
    if verb not in MOVING:
        return ()
    taken = frozenset(machine.id for group in found.groups for machine in group.machines)
    moving = [
        data_synchronization.as_it_goes(tx, each, found.direction)
        for each in tx.machines.several(sorted(taken))
    ]
    left = sorted({each.source_site for each in moving if not each.reversed})
    back = sorted({(each.home_site, each.source_site) for each in moving if each.reversed})
    leaving = (sentence for site in left for sentence in _leaving(tx, site, taken))
    return (*leaving, *(sentence for home, site in back for sentence in _coming_home(tx, home, site, taken)))


def drilled_apart(tx: Transaction, verb: Verb, found: RunSelection, network: str) -> tuple[str, ...]:
    """The warning about machines of a drill that run on several hosts."""
    if verb is not Verb.TEST_FAILOVER:
        return ()
    taken = sorted(each.id for group in found.groups for each in group.machines)
    return networking.warnings(tx, tx.machines.several(taken), network)


def _leaving(tx: Transaction, site: str, taken: frozenset[str]) -> Iterator[str]:
    """Networks split by leaving. A machine that was failed over before has moved already."""
    there = [each for each in tx.machines.list(site) if each.source_site == site and not each.reversed]
    members = (member for each in there for member in _members(tx, each, moves=_moves(each, taken)))
    for split in splitting.splits(members):
        yield (
            f"network {split.network} of {site} is split: {run_selection.listed(split.moving, ', ')} move "
            f"and keep the addresses that their guests have, {run_selection.listed(split.staying, ', ')} "
            "stay; they will not reach each other there. Take all of them, or give those that move other "
            "addresses ('secondsite card set MACHINE CARD --address ADDRESS/PREFIX')"
        )


def _coming_home(tx: Transaction, home: str, site: str, taken: frozenset[str]) -> Iterator[str]:
    """Networks split by coming home. At home all machines have their own addresses again. Of those that stay
    only those count that have these addresses at the second site as well."""
    for split in splitting.splits(_away(tx, home, site, taken)):
        yield (
            f"network {split.network} of {home} is split: {run_selection.listed(split.moving, ', ')} come "
            f"home, {run_selection.listed(split.staying, ', ')} stay at {site} and keep the addresses that "
            "their guests have; they will not reach each other there. Take all of them"
        )


def _away(tx: Transaction, home: str, site: str, taken: frozenset[str]) -> Iterator[splitting.Member]:
    """The cards of the machines that were moved to that site."""
    for machine in tx.machines.list(site):
        moved = machine.failed_over_at is not None and machine.target_site == site
        if machine.home_site == home and (machine.reversed or moved):
            moves = machine.id in taken or (machine.reversed and _moves(machine, taken))
            yield from (
                each for each in _members(tx, machine, moves=moves, returns=moves) if moves or each.keeps
            )


def _moves(machine: MachineRecord, taken: frozenset[str]) -> bool:
    return machine.id in taken or machine.failed_over_at is not None


def _members(
    tx: Transaction, machine: MachineRecord, *, moves: bool, returns: bool = False
) -> Iterator[splitting.Member]:
    """The cards of a machine; the settings for its second site say whether it keeps its addresses there."""
    own = {card.mac: card for card in tx.settings.cards(machine.id)}
    connected = {card.key for card in network_cards.away(tx, machine) if card.network is not None}
    for nic in machine.definition.nics:
        if nic.network is not None:
            settings = own.get(nic.mac.lower())
            keeps = nic.key in connected and (
                settings is None or (settings.address is None and not settings.from_pool)
            )
            called = drill_networks.called(nic.network, nic.vlans)
            yield splitting.Member(machine.name, called, moves, keeps or returns)
