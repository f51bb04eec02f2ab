"""A machine that comes home: the definition that was withdrawn here, with its replicated disks on new files.

Its networks, cards, processors, host devices, and the disks that were not replicated are as they were. Pure: XML in, XML
out."""

from xml.etree.ElementTree import Element

from ... import interface
from ..host import domain_xml
from . import adapt, sizing


def at_home(request: interface.HostRequest, place: adapt.HostFeatures, native: str) -> str:
    """The domain XML. Disks that the other site added come from the request's definition."""
    root = domain_xml.parse(native)
    root.attrib.pop("id", None)
    sizing.set_text(root, "name", request.name)
    domain_xml.set_tag(root, request.tag)
    _leave_out(root, request.not_connected)
    known = dict(domain_xml.disk_elements(root))
    for key, path in request.disks.items():
        if key in known:
            adapt.place_on(known[key], path)
        else:
            known[key] = _added(root, request, place, key)
        if place.key is not None:
            adapt.tell_key(known[key], place.chains.get(key, ()), place.key)
    return domain_xml.render(root)


def _leave_out(root: Element, cards: frozenset[str]) -> None:
    devices = root.find("devices")
    for key, card in list(domain_xml.nic_elements(root)):
        if devices is not None and key in cards:
            devices.remove(card)


def _added(root: Element, request: interface.HostRequest, place: adapt.HostFeatures, key: str) -> Element:
    there = domain_xml.parse(adapt.adapted(request, place))
    disk = dict(domain_xml.disk_elements(there))[key]
    domain_xml.remove(disk, "address", "boot", "alias")  # they may be taken here
    devices = root.find("devices")
    assert devices is not None
    devices.append(disk)
    return disk
