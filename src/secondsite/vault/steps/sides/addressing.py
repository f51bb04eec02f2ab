"""The addresses that are set for the cards of a started machine.

They are set in the running guest and in its own network configuration, which is put back at home.
"""

import ipaddress
from collections.abc import Mapping, Sequence

from pydantic import Field

from ....domain.networks import addresses
from ....wire.common.base import Shape
from ....wire.common.cards import CardAddress, CardIpv6, CardRoute, CardSettings
from ....wire.control.cards import LocalCard
from ...store import MachineRecord, Transaction
from . import network_cards, pool_addresses
from .target import DRILL_RUN, FAILOVER_RUN


class DrillNetwork(Shape):
    """The network that the test machine is connected to (None: none), and whether it was made for the drill;
    `shared` by the machines of that test failover. `leased`: addresses that its cards get on it, by their MAC
    addresses there. `each`: instead of one network, those that were made, by the home MAC addresses of the
    cards on them, and their `subnets`, by name."""

    network: str | None = None
    made: bool = False
    shared: str | None = None
    leased: dict[str, str] = Field(default_factory=dict)
    each: dict[str, str] | None = None
    subnets: dict[str, str] = Field(default_factory=dict)

    def cards(self, tx: Transaction, machine: MachineRecord) -> tuple[LocalCard, ...]:
        return network_cards.in_drill(tx, machine, self.network if self.each is None else None, self.each)

    def is_other(self, card: LocalCard) -> bool:
        """Whether the card is on another network than the drill's."""
        return self.each is not None or card.network != self.network

    def is_made(self, name: str) -> bool:
        """Whether the network was made for the drill."""
        return self.made and (name == self.network if self.each is None else name in self.each.values())


def at_target(tx: Transaction, machine: MachineRecord) -> tuple[CardAddress, ...]:
    """The addresses after a failover."""
    macs, own = network_cards.new_macs(tx, machine, FAILOVER_RUN), network_cards.set_for(tx, machine)
    connected = [card for card in network_cards.at_target(tx, machine) if card.network is not None]
    pooled = pool_addresses.given(tx, machine)
    found = ((card, pooled.get(card.mac.lower()) or own.get(card.mac.lower())) for card in connected)
    return tuple(
        CardAddress(
            key=card.key,
            mac=_mac(card, macs),
            address=each.address,
            gateway=each.gateway,
            dns_servers=each.dns_servers,
            ipv6=_ipv6(own.get(card.mac.lower())),
            routes=_routes(own.get(card.mac.lower())),
        )
        for card, each in found
        if each is not None and each.address is not None
    )


def are_set(tx: Transaction, machine: MachineRecord) -> bool:
    """Whether any card of the machine has an address of its own at its second site."""
    return any(card.address or card.from_pool for card in tx.settings.cards(machine.id))


def in_drill(
    tx: Transaction,
    machine: MachineRecord,
    drill: DrillNetwork,
    subnet: str | None,
    named: Sequence[str] = (),
) -> tuple[CardAddress, ...]:
    """The addresses in a drill. `named`: the DNS servers that the drill names. In a network that is made for
    the drill the address for a failover is used as well, since nothing else is there; in an existing one only
    the address that is set for test failovers."""
    macs, own = network_cards.new_macs(tx, machine, DRILL_RUN), network_cards.set_for(tx, machine)
    found: list[CardAddress] = []
    for card in drill.cards(tx, machine):
        settings, mac = own.get(card.mac.lower()), _mac(card, macs)
        if settings is None or card.network is None:
            continue
        served = drill.subnets.get(card.network, subnet)
        if not drill.is_made(card.network):
            wanted = _card(card, mac, settings.test_address, ipv6=_ipv6_in_drill(settings))
        elif served is None:
            ipv6 = _ipv6_in_drill(settings) or settings.ipv6
            wanted = _card(card, mac, settings.test_address or settings.address, ipv6=ipv6)
        else:
            wanted = _leased(card, mac, settings, drill.leased, served, named)
        found.extend(wanted)
    return tuple(found)


def _leased(
    card: LocalCard,
    mac: str,
    settings: CardSettings,
    leased: Mapping[str, str],
    subnet: str,
    named: Sequence[str],
) -> tuple[CardAddress, ...]:
    """The address that the network's DHCP server gives to a guest that asks: the same is set in one that does
    not ask."""
    address, network = leased.get(mac), ipaddress.IPv4Network(subnet)
    names = addresses.inside(named, subnet) or (str(network.network_address + 1),)
    if address is None or not (settings.test_address or settings.address or settings.from_pool):
        return ()
    return _card(card, mac, f"{address}/{network.prefixlen}", *names, ipv6=_ipv6_in_drill(settings))


def _card(
    card: LocalCard, mac: str, address: str | None, *dns_servers: str, ipv6: CardIpv6 | None = None
) -> tuple[CardAddress, ...]:
    if address is None:
        return ()
    return (CardAddress(key=card.key, mac=mac, address=address, dns_servers=dns_servers, ipv6=ipv6),)


def _ipv6(settings: CardSettings | None) -> CardIpv6 | None:
    return None if settings is None else settings.ipv6


def _routes(settings: CardSettings | None) -> tuple[CardRoute, ...]:
    return () if settings is None else settings.routes


def _ipv6_in_drill(settings: CardSettings) -> CardIpv6 | None:
    return None if settings.test_ipv6_address is None else CardIpv6(address=settings.test_ipv6_address)


def _mac(card: LocalCard, macs: Mapping[str, str]) -> str:
    return macs.get(card.mac.lower(), card.mac.lower())
