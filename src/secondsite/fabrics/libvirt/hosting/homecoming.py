"""Makes the definition of a machine that comes home: the one that was withdrawn here, with its replicated
disks on new files.

Its networks, cards, processors, host devices, and the disks that were not replicated are as they were.
Pure: XML in, XML out."""

from xml.etree.ElementTree import Element

from ... import interface
from ..host import domain_xml
from . import adapt, generation, gone, sizing


def at_home(request: interface.HostRequest, place: adapt.HostFeatures, native: str) -> str:
    """The domain XML of the machine. Disks that the other site added come from the request's definition."""
    root = domain_xml.parse(native)
    root.attrib.pop("id", None)
    sizing.set_text(root, "name", request.name)
    domain_xml.set_tag(root, request.tag)
    generation.take_along(domain_xml.parse(request.definition.native or native), root)
    generation.give(root, request.goes_back)
    cards = _unconnected(root, request.not_connected)
    gone.leave_out(root, request.without)
    _leave_out(root, cards)
    known = dict(domain_xml.disk_elements(root))
    for key, path in request.disks.items():
        if key in known:
            adapt.place_on(known[key], path)
        else:
            known[key] = _added(root, request, place, key)
        if place.key is not None:
            adapt.tell_key(known[key], place.chains.get(key, ()), place.key)
    return domain_xml.render(root)


def _unconnected(root: Element, keys: frozenset[str]) -> list[Element]:
    return [card for key, card in domain_xml.nic_elements(root) if key in keys]


def _leave_out(root: Element, cards: list[Element]) -> None:
    devices = root.find("devices")
    for card in cards:
        if devices is not None and card in list(devices):
            devices.remove(card)


def _added(root: Element, request: interface.HostRequest, place: adapt.HostFeatures, key: str) -> Element:
    there = domain_xml.parse(adapt.adapted(request, place))
    disk = dict(domain_xml.disk_elements(there))[key]
    domain_xml.remove(disk, "address", "boot", "alias")  # they may be taken here
    devices = root.find("devices")
    assert devices is not None
    devices.append(disk)
    return disk
