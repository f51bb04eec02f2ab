"""Addresses and names that are taken, since cards of other machines have or will have them at the same
site."""

from collections.abc import Iterator, Sequence

from .....domain import errors, shell
from .....domain.networks import addresses, portgroups
from .....wire.common.cards import CardSettings
from ....store import MachineRecord, Transaction
from . import pools


def require_free(tx: Transaction, machine: MachineRecord, wanted: Sequence[CardSettings]) -> None:
    """Raises InvalidArgument unless the cards' addresses differ from those of other cards in their networks
    after a failover."""
    if not any(card.address for card in wanted):
        return
    site, others = _second_site(machine), list(_others(tx, machine))
    _require_not_pooled(tx, machine, wanted, site)
    for number, card in enumerate(wanted):
        own = ((machine, each) for each in wanted[:number])
        for other, each in (*own, *others):
            if _second_site(other) == site and _collide(tx, (machine, card), (other, each)):
                raise errors.InvalidArgument(
                    (
                        f"{addresses.host(str(card.address))} is the address of {other.name}'s card "
                        f"{each.mac} at {site} already."
                    ),
                    do=(
                        "Give another one, or change that: 'secondsite card set "
                        f"{shell.arguments(other.name, each.mac, options='--address ADDRESS')}'."
                    ),
                )


def require_free_ipv6(tx: Transaction, machine: MachineRecord, wanted: Sequence[CardSettings]) -> None:
    """Raises InvalidArgument unless the cards' IPv6 addresses differ from those of all other cards at their
    site."""
    own = [(machine, card) for card in wanted]
    others = [
        (tx.machines.get(settings.machine_id), card)
        for settings in (tx.settings.list() if any(card.ipv6 for card in wanted) else ())
        for card in settings.cards
        if settings.machine_id != machine.id
    ]
    taken: dict[tuple[str, str], tuple[str, str]] = {}
    for other, card in (*others, *own):
        if card.ipv6 is None:
            continue
        key = (_second_site(other), addresses.host(card.ipv6.address))
        if key in taken and other is machine:
            raise errors.InvalidArgument(
                f"{key[1]} is the address of {taken[key][0]}'s card {taken[key][1]} at {key[0]} already.",
                do="Give another one.",
            )
        taken[key] = (other.name, card.mac)


def require_own_names(tx: Transaction, machine: MachineRecord, wanted: Sequence[CardSettings]) -> None:
    """Raises InvalidArgument unless each DNS name belongs to one card only."""
    names = [name for card in wanted for name in card.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise errors.InvalidArgument(
            f"A name is given more than once: {', '.join(twice)}.", do="Give it once."
        )
    for settings in tx.settings.list() if names else ():
        taken = [name for card in settings.cards for name in card.names if name in names]
        if taken and settings.machine_id != machine.id:
            other = tx.machines.get(settings.machine_id).name
            raise errors.InvalidArgument(
                f"{taken[0]} is a name of {other} already.",
                do=(
                    "Give another one, or take it from there: see 'secondsite card list "
                    f"{shell.arguments(other)}'."
                ),
            )


def _require_not_pooled(
    tx: Transaction, machine: MachineRecord, wanted: Sequence[CardSettings], site: str
) -> None:
    """Raises InvalidArgument for an address that a pool has given to another machine. (A pool leaves out
    addresses that are set; but what it has given before stays given.)"""
    for card in wanted:
        found = None if card.address is None else pools.taken_by(tx, site, card.address, machine.id)
        if found is not None:
            pool, taken = found
            raise errors.InvalidArgument(
                f"{taken.address} is {taken.machine_name}'s now, out of pool '{pool.name}'.",
                do=(
                    f"Give another one: see 'secondsite pool show {shell.arguments(pool.name)}' for what is "
                    "taken."
                ),
            )


def _others(tx: Transaction, machine: MachineRecord) -> Iterator[tuple[MachineRecord, CardSettings]]:
    for settings in tx.settings.with_addresses():
        found = [card for card in settings.cards if card.address is not None]
        if found and settings.machine_id != machine.id:
            other = tx.machines.get(settings.machine_id)
            yield from ((other, card) for card in found)


Owned = tuple[MachineRecord, CardSettings]


def _collide(tx: Transaction, one: Owned, other: Owned) -> bool:
    """Whether two cards may be in one network; networks that are not known count as one."""
    ours, theirs = one[1].address, other[1].address
    if ours is None or theirs is None or addresses.host(ours) != addresses.host(theirs):
        return False
    networks = {_network(tx, *one), _network(tx, *other)}
    return None in networks or len(networks) == 1


def _network(tx: Transaction, machine: MachineRecord, card: CardSettings) -> str | None:
    """The card's network at the second site. Of a machine that is away its definition does not say which
    networks it is on."""
    if card.network is not None or machine.is_away:
        return card.network
    names = {nic.mac.lower(): nic.network for nic in machine.definition.nics}
    mappings = tx.networks.list(machine.source_site, machine.target_site)
    by_name = {mapping.source_network: mapping.target_network for mapping in mappings}
    return portgroups.mapped(names.get(card.mac.lower()), by_name)


def _second_site(machine: MachineRecord) -> str:
    return machine.source_site if machine.reversed else machine.target_site
