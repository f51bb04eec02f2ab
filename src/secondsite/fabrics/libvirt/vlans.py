"""VLAN tags of a machine's cards, which are kept if the network here carries them. Pure: XML in, XML out.

A network that has tags of its own overrides them."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement

MOST = 4095
MODES = ("tagged", "untagged")


def tags(element: Element) -> tuple[int, ...]:
    """The VLAN tags in the definition of a card or of a network."""
    return tuple(number for number, _ in _tags(element))


def carries(network: Element) -> bool:
    """Whether a libvirt network lets its machines choose their tags: Open vSwitch does."""
    port = network.find("virtualport")
    return port is not None and port.get("type") == "openvswitch" and not tags(network)


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
