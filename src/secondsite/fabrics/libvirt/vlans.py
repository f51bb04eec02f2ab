"""VLAN tags of a machine's cards, which are kept if the network here carries them.

A network or portgroup that has tags of its own overrides them."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

LINKS = Path("/sys/class/net")
BRIDGES_SINCE = 11_000_000
"""From this release on libvirt gives tags to the ports of Linux bridges; an older one refuses such cards."""
MOST = 4095
MODES = ("tagged", "untagged")


def tags(element: Element) -> tuple[int, ...]:
    """The VLAN tags in the definition of a card or of a network."""
    return tuple(number for number, _ in _tags(element))


def carries(*elements: Element, filtered: bool = False) -> bool:
    """Whether a libvirt network, with or without one of its portgroups, lets its machines choose their tags:
    Open vSwitch does, and a bridge that is `filtered`."""
    ports = [port.get("type") for each in elements for port in each.iterfind("virtualport")]
    return ("openvswitch" in ports or (filtered and not ports)) and not any(map(tags, elements))


def filters(bridge: str) -> bool:
    """Whether a Linux bridge keeps its ports' tags apart now. Otherwise libvirt's tags have no effect there,
    and without that part of the kernel no machine with any starts."""
    try:
        return (LINKS / bridge / "bridge/vlan_filtering").read_text().strip() == "1"
    except OSError:
        return False


def take_along(source: Element, card: Element) -> None:
    """Give the card the tags that it has at its source: only numbers and known words of what the other
    site wrote."""
    found, said = list(_tags(source)), source.find("vlan")
    if not found or said is None:
        return
    vlan = SubElement(card, "vlan", {"trunk": "yes"} if said.get("trunk") == "yes" or len(found) > 1 else {})
    for number, mode in found:
        SubElement(vlan, "tag", {"id": str(number)} | ({"nativeMode": mode} if mode else {}))


def _tags(element: Element) -> Iterator[tuple[int, str | None]]:
    for tag in element.iterfind("vlan/tag"):
        said, mode = tag.get("id", ""), tag.get("nativeMode")
        if said.isascii() and said.isdigit() and len(said) <= len(str(MOST)) and int(said) <= MOST:
            yield int(said), mode if mode in MODES else None
