"""A machine's addresses, and the bridge of this host that its card is on."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....domain import errors
from ....domain.networks import addresses
from ..host import connection, domain_xml, inventory

TOLD_BY = (
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
)
TELL_SECONDS = 5.0
LINKS = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class CardAddress:
    """An IPv4 address with its prefix, and the card that has it."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card of a running machine: the bridge of this host that it is on, and what the definition calls its network."""

    mac: str
    bridge: str
    network: str


def told(domain: Any) -> Sequence[CardAddress]:
    """By the first that tells any: the guest agent, a lease, this host's table of neighbours."""
    for source in TOLD_BY:
        try:
            found = connection.call(
                "asking for addresses", domain.interfaceAddresses, source, seconds=TELL_SECONDS
            )
        except (errors.FabricError, errors.DeadlineExceeded, errors.NotFound):
            continue
        if said := usable(found):
            return said
    return ()


def usable(found: Any) -> list[CardAddress]:
    """Of what a guest, or a host beside it, says: the addresses at which another machine can be."""
    return [
        CardAddress(address, str(card.get("hwaddr") or "").lower())
        for card in found.values()
        for one in card.get("addrs") or ()
        if one["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4 and (address := _address(one)) is not None
    ]


def _address(said: Any) -> str | None:
    """None for what no other machine can be reached at: a guest says what it likes, and this host asks there."""
    try:
        # this host's neighbours have no prefix
        found = ipaddress.IPv4Interface(f"{said['addr']}/{said['prefix'] or 24}")
    except ValueError:
        return None
    return str(found) if addresses.is_of_a_machine(str(found.ip)) else None


def bridged(domain: Any) -> Sequence[Card]:
    """The cards that are on a Linux bridge now."""
    root = domain_xml.parse(inventory.live_xml(domain))
    found = (_card(each) for each in root.iterfind("devices/interface"))
    return [card for card in found if card is not None]


def is_connected(domain: Any) -> bool:
    """Whether any of its cards leads anywhere."""
    found = domain_xml.parse(inventory.live_xml(domain)).iterfind("devices/interface")
    return any(each.find("source") is not None or each.get("type") == "user" for each in found)


def _card(interface: Element) -> Card | None:
    target, source = interface.find("target"), interface.find("source")
    mac = interface.find("mac")
    link = LINKS / (target.get("dev", "-") if target is not None else "-") / "master"
    if source is None or mac is None or not link.is_symlink():
        return None
    name = source.get("network") or source.get("bridge") or ""
    return Card(mac.get("address", "").lower(), link.readlink().name, name)
