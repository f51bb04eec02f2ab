"""A machine's addresses, and the bridge of this host that its card is on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....domain import errors
from ..host import connection, domain_xml, inventory

TOLD_BY = (
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
)
TELL_SECONDS = 5.0
LINKS = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class Told:
    """An IPv4 address with its prefix, and the card that has it."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card of a running machine: the bridge of this host that it is on, and what the definition calls its network."""

    mac: str
    bridge: str
    network: str


def told(domain: Any) -> Sequence[Told]:
    """By the first that tells any: the guest agent, a lease, this host's table of neighbours."""
    for source in TOLD_BY:
        try:
            found = connection.call(
                "asking for addresses", domain.interfaceAddresses, source, seconds=TELL_SECONDS
            )
        except (errors.FabricError, errors.DeadlineExceeded, errors.NotFound):
            continue
        if addresses := _usable(found):
            return addresses
    return ()


def _usable(found: Any) -> list[Told]:
    return [
        # this host's neighbours have no prefix
        Told(f"{one['addr']}/{one['prefix'] or 24}", str(card.get("hwaddr") or "").lower())
        for card in found.values()
        for one in card.get("addrs") or ()
        if one["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4 and not one["addr"].startswith("127.")
    ]


def bridged(domain: Any) -> Sequence[Card]:
    """The cards that are on a Linux bridge now."""
    root = domain_xml.parse(inventory.live_xml(domain))
    found = (_card(each) for each in root.iterfind("devices/interface"))
    return [card for card in found if card is not None]


def _card(interface: Element) -> Card | None:
    target, source = interface.find("target"), interface.find("source")
    mac = interface.find("mac")
    link = LINKS / (target.get("dev", "-") if target is not None else "-") / "master"
    if source is None or mac is None or not link.is_symlink():
        return None
    name = source.get("network") or source.get("bridge") or ""
    return Card(mac.get("address", "").lower(), link.readlink().name, name)
