"""The files that a machine has as disks, as they are now and as its next start takes them: those of volumes too, which a definition
names by their pool."""

import os
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

from ....domain import errors
from ...interface import HeldDisk, Holding
from . import connection, domain_xml


def holding(hypervisor: connection.Hypervisor, now: Element | None, kept: Element | None) -> Holding:
    """Of a machine by its running definition, None if it is off, and by the one that libvirt keeps, if it does."""
    live = list(_disks(hypervisor, now, now=True))
    later = list(_disks(hypervisor, kept, now=False))
    places = {(each.key, each.path) for each in live}
    stay = {(each.key, each.path) for each in later}
    disks = [replace(each, kept=(each.key, each.path) in stay) for each in live]
    disks += [each for each in later if (each.key, each.path) not in places]
    return Holding(tuple(disks), _macs(kept if now is None else now), kept is not None)


def _macs(root: Element | None) -> frozenset[str]:
    cards = [] if root is None else root.iterfind("devices/interface/mac")
    return frozenset(each.get("address", "").lower() for each in cards)


def _disks(hypervisor: connection.Hypervisor, root: Element | None, *, now: bool) -> Iterator[HeldDisk]:
    """With what a block copy writes to beside it."""
    for element in () if root is None else root.iterfind("devices/disk"):
        target, source = element.find("target"), element.find("source")
        key = "" if target is None else target.get("dev", "")
        read_only = element.find("readonly") is not None or element.get("device") == "cdrom"
        below = tuple(_path(hypervisor, each) for each in element.findall(".//backingStore/source"))
        yield HeldDisk(key, _path(hypervisor, source), now, not now, read_only, below)
        mirror = element.find("mirror/source")
        if mirror is not None:
            yield HeldDisk(key, _path(hypervisor, mirror), now, not now)


def _path(hypervisor: connection.Hypervisor, source: Element | None) -> str:
    if source is None:
        return ""
    if source.get("volume"):
        return _volume(hypervisor, source.get("pool", ""), source.get("volume", ""))
    return source.get("file") or source.get("dev") or source.get("dir") or ""


def _volume(hypervisor: connection.Hypervisor, pool: str, name: str) -> str:
    """The pool says where it lies; one that libvirt has not looked at since, or that is not active, lies in the pool's folder."""
    try:
        found = connection.call("looking for a pool", hypervisor.handle.storagePoolLookupByName, pool)
        try:
            volume = connection.call("looking for a volume", found.storageVolLookupByName, name)
            return str(connection.call("asking where a volume lies", volume.path))
        except errors.SecondsiteError:
            text = connection.call("reading a pool", found.XMLDesc, 0)
            folder = domain_xml.parse(text).findtext("target/path", "")
            return os.path.join(folder, name) if folder else ""
    except errors.SecondsiteError:
        return ""
