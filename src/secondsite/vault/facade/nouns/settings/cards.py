"""How a machine's network cards are connected at its second site."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .....domain import errors, shell
from .....domain.networks import addresses
from .....wire.common.cards import CardSettings
from .....wire.rest.machine_settings import MachineCard, MachineSettings, MachineSettingsChange
from ....steps.sides import address_fit, pool_addresses
from ....steps.sides import network_cards as sides
from ....store import MachineRecord, MachineSettingsRecord, NamesRecord, Transaction
from ...parts import Parts
from ...shared.editions import Seen, require
from .. import machines
from . import assigned_addresses

HOW_IT_IS_SET = (
    "An address is set in the running guest by its agent (qemu-guest-agent), in Linux and Windows, "
    "and in its own network configuration, which is put back at home; without an agent only a DHCP server of "
    "libvirt's there can give it. 'secondsite machine preflight {name}' says whether one answers."
)


class Settings:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def show(self, name: str) -> MachineSettings:
        """The settings of the machine's cards. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, machines.existing(self._parts, tx, name))

    def change(self, name: str, request: MachineSettingsChange, seen: Seen | None = None) -> MachineSettings:
        """Replace the settings of the machine's cards. Cards of a machine that runs there already stay as
        they are. Raises NotFound, InvalidArgument for cards that the machine does not have,
        ChangedMeanwhile."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            tx.one_at_a_time("machine_settings")
            machine = machines.existing(self._parts, tx, name)
            before = _info(tx, machine)
            require(seen, before, f"What is set for {machine.name}")
            _check(machine, tx.settings.cards(machine.id), request.cards)
            assigned_addresses.require_free(tx, machine, request.cards)
            assigned_addresses.require_free_ipv6(tx, machine, request.cards)
            assigned_addresses.require_own_names(tx, machine, request.cards)
            tx.settings.put(MachineSettingsRecord(machine.id, tuple(map(_normal, request.cards))))
            _forget_names(tx, machine, request.cards)
            after = _info(tx, machine)
            self._parts.note(before, after)
            return after


def _forget_names(tx: Transaction, machine: MachineRecord, wanted: Sequence[CardSettings]) -> None:
    """Forget the results for DNS names that the machine no longer has."""
    names, had = {name for card in wanted for name in card.names}, machine.names
    if had is not None and {*had.problems, *had.home} - names:
        problems = {name: said for name, said in had.problems.items() if name in names}
        home = {name: was for name, was in had.home.items() if name in names}
        tx.machines.put(replace(machine, names=NamesRecord(had.at, problems, home)))


def _normal(card: CardSettings) -> CardSettings:
    return CardSettings(**{**dict(card), "mac": card.mac.lower()})


def _check(machine: MachineRecord, former: Sequence[CardSettings], wanted: Sequence[CardSettings]) -> None:
    """Raises InvalidArgument for settings that are not possible."""
    macs = Counter(card.mac.lower() for card in wanted)
    twice = [mac for mac, times in macs.items() if times > 1]
    if twice:
        raise errors.InvalidArgument(
            f"A card is named more than once: {', '.join(twice)}.", do="Name it once."
        )
    known = {nic.mac.lower() for nic in machine.definition.nics} | {card.mac.lower() for card in former}
    strange = [mac for mac in macs if mac not in known]
    if strange:
        raise errors.InvalidArgument(
            f"{machine.name} has no network card {', '.join(strange)}.",
            do=f"See 'secondsite card list {shell.arguments(machine.name)}' for those that it has.",
        )
    for card in wanted:
        _check_contradictions(card)
        _check_address(card)


def _check_address(card: CardSettings) -> None:
    if (
        problem := addresses.contradiction(
            card.address, card.gateway, card.dns_servers, from_pool=card.from_pool
        )
    ) is not None:
        raise errors.InvalidArgument(
            f"The card {card.mac} is to have {problem}.",
            do="Give an address that goes with it, or leave it out.",
        )
    if card.ipv6 is not None and card.address is None and not card.from_pool:
        raise errors.InvalidArgument(
            f"The card {card.mac} is to have the address {card.ipv6.address}, but none of IPv4.",
            do="Give it one of IPv4, too (--address, --from-pool), or leave it out.",
        )
    has_ipv4 = card.test_address is not None or card.address is not None or card.from_pool
    if card.test_ipv6_address is not None and not has_ipv4:
        raise errors.InvalidArgument(
            f"The card {card.mac} is to have {card.test_ipv6_address} in a test failover, but no address of "
            "IPv4.",
            do="Give it one of IPv4, too (--test-address), or leave it out.",
        )
    _check_routes(card)
    for address, connected in ((card.address, card.connected), (card.test_address, card.test_connected)):
        if address is not None and not connected:
            raise errors.InvalidArgument(
                f"The card {card.mac} has the address {address}, but is set not to be connected.",
                do="Give one of the two.",
            )


def _check_routes(card: CardSettings) -> None:
    routes = [(each.to, each.via) for each in card.routes]
    ipv6_address = None if card.ipv6 is None else card.ipv6.address
    if (problem := addresses.routes_contradiction(routes, card.address, ipv6_address)) is not None:
        raise errors.InvalidArgument(
            f"The card {card.mac} is to have {problem}.",
            do="Give a gateway that is in the subnet of the card's own address, or leave the route out.",
        )


def _check_contradictions(card: CardSettings) -> None:
    if card.from_pool and not card.connected:
        raise errors.InvalidArgument(
            f"The card {card.mac} has an address out of a pool, but is set not to be connected.",
            do="Give one of the two.",
        )
    for network, connected in ((card.network, card.connected), (card.test_network, card.test_connected)):
        if network is not None and not connected:
            raise errors.InvalidArgument(
                f"The card {card.mac} has the network '{network}', but is set not to be connected.",
                do="Give one of the two.",
            )


def _info(tx: Transaction, machine: MachineRecord) -> MachineSettings:
    settings = {card.mac: card for card in tx.settings.cards(machine.id)}
    there = {card.key: card for card in sides.at_target(tx, machine)}
    becomes = {key: card.network for key, card in there.items()}
    subnets = address_fit.subnets(tx, machine, list(there.values()))
    pools = {
        each.card.key: each.pool.name for each in pool_addresses.wanted(tx, machine) if each.pool is not None
    }
    held = pool_addresses.away(tx, machine)
    shown = []
    for nic in machine.definition.nics:
        own = settings.get(nic.mac.lower()) or CardSettings.model_construct(mac=nic.mac.lower())
        shown.append(
            MachineCard.model_construct(
                **dict(own),
                key=nic.key,
                source_network=nic.network,
                becomes=becomes.get(nic.key),
                subnets=subnets.get(nic.key, ()),
                pool=pools.get(nic.key),
                pool_address=held.get(nic.mac.lower()),
            )
        )
    sets = any(card.address or card.from_pool or card.test_address for card in settings.values())
    notes = (HOW_IT_IS_SET.format(name=machine.name),) if sets else ()
    return MachineSettings(machine=machine.id, name=machine.name, cards=tuple(shown), notes=notes)
