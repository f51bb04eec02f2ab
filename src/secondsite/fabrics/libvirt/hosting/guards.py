"""Network filters of cards, and their isolation on the bridge. Pure: XML in, XML out.

A definition has only a filter's name, which means nothing on a host that has no such filter; and libvirt
filters only on Linux bridges."""

from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element

from ....domain import shell
from ... import interface
from ..host import domain_xml

ADDRESSES = ("IP", "MAC", "IPV6")


def settle(card: Element, filters: Collection[str], *, takes_them: bool) -> None:
    """Remove from the card the filter or isolation that is not available here. `takes_them`: its network can
    guard it."""
    if not takes_them:
        domain_xml.remove(card, "port")
    if not takes_them or _filter(card) not in filters:
        domain_xml.remove(card, "filterref")


def lacking(key: str, card: Element, filters: Collection[str], *, takes_them: bool) -> Iterator[str]:
    """The filter or isolation that was removed, in words."""
    name = _filter(card)
    if name is not None and not (takes_them and name in filters):
        yield f"the network filter '{name}' of {key}"
    if card.find("port[@isolated='yes']") is not None and not takes_them:
        yield f"the isolation of {key}"


def notes(root: Element, filters: Collection[str]) -> Iterator[interface.Obstacle]:
    for key, card in domain_xml.nic_elements(root):
        name = _filter(card)
        if name is None:
            continue
        if name not in filters:
            yield interface.Obstacle(
                (
                    f"{key} has the network filter '{name}' at its own site; here is none of that name, so "
                    "it runs without."
                ),
                (
                    f"Define it here: 'virsh nwfilter-dumpxml {shell.arguments(name)}' there, 'virsh "
                    "nwfilter-define' here."
                ),
                blocking=False,
            )
            continue
        for given in card.iterfind("filterref/parameter"):
            if given.get("name") in ADDRESSES:
                yield interface.Obstacle(
                    f"The network filter '{name}' of {key} lets only {given.get('name')} "
                    f"{given.get('value')} through: with another address here the card is cut off.",
                    (
                        "Let the card keep its address here, or leave the parameter out: libvirt learns the "
                        "address then."
                    ),
                    blocking=False,
                )


def _filter(card: Element) -> str | None:
    found = card.find("filterref")
    return None if found is None else found.get("filter")
