"""What each network card of a machine is connected to at its target."""

from collections.abc import Sequence

from ....wire.control.cards import CardHere
from ....wire.control.checks import Obstacles, ObstacleShape
from ... import ports


def at_target(tx: ports.Transaction, machine: ports.MachineRecord) -> tuple[CardHere, ...]:
    """Its own network when the machine comes home, else the mapped one; None (not connected) where nothing is mapped."""
    if machine.reversed:
        return tuple(
            CardHere(key=nic.key, mac=nic.mac, network=nic.network) for nic in machine.definition.nics
        )
    mappings = tx.networks.list(machine.source_site, machine.target_site)
    by_name = {mapping.source_network: mapping.target_network for mapping in mappings}
    return tuple(
        CardHere(key=nic.key, mac=nic.mac, network=by_name.get(nic.network or ""), vlans=nic.vlans)
        for nic in machine.definition.nics
    )


def checked(tx: ports.Transaction, machine: ports.MachineRecord) -> tuple[CardHere, ...]:
    """Those that the target is asked about. At home a machine is as it was, on networks that may be of kinds which no list
    has: none."""
    return () if machine.reversed else at_target(tx, machine)


def unmapped(machine: ports.MachineRecord, cards: Sequence[CardHere]) -> Obstacles:
    """A warning for each card that will not be connected because nothing is mapped for its network."""
    networks = {nic.key: nic.network for nic in machine.definition.nics}
    found = (_unmapped(machine, card, networks.get(card.key)) for card in cards if card.network is None)
    return Obstacles(obstacles=tuple(found))


def names(cards: Sequence[CardHere]) -> tuple[str, ...]:
    """The networks that are needed, each once."""
    return tuple(dict.fromkeys(card.network for card in cards if card.network is not None))


def _unmapped(machine: ports.MachineRecord, card: CardHere, network: str | None) -> ObstacleShape:
    source, target = machine.source_site, machine.target_site
    if network is None:
        what = f"{card.key} ({card.mac}) is on no network of {source} that could be mapped: it will not be connected."
        return ObstacleShape(
            what=what, do=f"Connect it at {target} once the machine runs there.", blocking=False
        )
    what = f"{card.key} ({card.mac}) has no mapped network at {target}: it will not be connected."
    do = f"Map its network: 'secondsite mapping create {source}/{network} {target}/NETWORK'."
    return ObstacleShape(what=what, do=do, blocking=False)
