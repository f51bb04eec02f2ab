"""A run that moves some machines of a network with their addresses, while others stay there: it is warned of (S-263).

The vault knows the machines under protection only, and takes a network, with a VLAN tag of its cards, for one subnet.
"""

from collections.abc import Iterator

from ...domain.lifecycle import Verb
from ...domain.networks import splitting
from ...domain.plans import taking
from ...domain.plans.taking import Taken
from .. import ports
from ..steps.sides import cards, standing_in

MOVING = frozenset({Verb.FAILOVER, Verb.PLANNED_FAILOVER})


def warnings(tx: ports.Transaction, verb: Verb, found: Taken) -> tuple[str, ...]:
    """A part of a sentence for each network. At home machines are as they were: the way back splits nothing."""
    if verb not in MOVING:
        return ()
    taken = frozenset(machine.id for group in found.groups for machine in group.machines)
    away = [each for each in tx.machines.several(sorted(taken)) if not each.reversed]
    return tuple(
        sentence
        for site in sorted({each.source_site for each in away})
        for sentence in _of_site(tx, site, taken)
    )


def _of_site(tx: ports.Transaction, site: str, taken: frozenset[str]) -> Iterator[str]:
    there = [each for each in tx.machines.list(site) if each.source_site == site and not each.reversed]
    for split in splitting.splits(member for machine in there for member in _members(tx, machine, taken)):
        yield (
            f"network {split.network} of {site} is split: {taking.listed(split.moving, ', ')} move and keep the addresses that their "
            f"guests have, {taking.listed(split.staying, ', ')} stay; they will not reach each other there. Take all of them, or give those "
            "that move other addresses ('secondsite card set MACHINE CARD --address ADDRESS/PREFIX')"
        )


def _members(
    tx: ports.Transaction, machine: ports.MachineRecord, taken: frozenset[str]
) -> Iterator[splitting.Member]:
    """One that was failed over before has moved already."""
    moves, own = machine.id in taken or machine.failed_over_at is not None, cards.set_for(tx, machine)
    connected = {card.key for card in cards.at_target(tx, machine) if card.network is not None}
    for nic in machine.definition.nics:
        if nic.network is not None:
            settings = own.get(nic.mac.lower())
            keeps = nic.key in connected and (
                settings is None or (settings.address is None and not settings.from_pool)
            )
            yield splitting.Member(machine.name, standing_in.called(nic.network, nic.vlans), moves, keeps)
