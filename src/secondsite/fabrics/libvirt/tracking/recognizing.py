"""Is a machine that another program defined anew, without our tag, still the one that we replicate?

Its id may be in anybody's file of a definition. A checkpoint's name is used once, so disks that carry its bitmap are the machine's;
and a machine that runs keeps our tag in the definition that it runs with, whatever was defined for its next start."""

from pathlib import Path
from typing import Any

from ....domain import errors
from ... import interface
from ..host import domain_xml, inventory, qemu_img
from . import bitmaps


def is_sure(domain: Any, had: interface.Acknowledged) -> bool:
    """Raises FabricError, NotFound."""
    runs = inventory.power_of(domain).is_on
    if runs and domain_xml.tag_of(domain_xml.parse(inventory.live_xml(domain))) is not None:
        return _stands_on_the_same(domain, had.disks)
    if not had.base or not had.disks:
        return False
    found = bitmaps.look(domain).bitmaps if runs else _stored(domain)
    return all(had.base in found.get(key, {}) for key in had.disks)


def _stands_on_the_same(domain: Any, keys: tuple[str, ...]) -> bool:
    """Whether it would start from the disks that it runs on now."""
    now = {disk.key: disk.path for disk in inventory.live_disks(domain)}
    stored = domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
    then = {disk.key: disk.path for disk in stored}
    return all(key in now and now[key] == then.get(key) for key in keys)


def _stored(domain: Any) -> dict[str, set[str]]:
    """By disk key, the names of the bitmaps in all files of the chain: a snapshot's overlay may have none."""
    disks = domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
    return {disk.key: _names(Path(disk.path)) for disk in disks if disk.path}


def _names(path: Path) -> set[str]:
    try:
        return {name for link in qemu_img.chain(path) for name in link.bitmaps}
    except errors.SecondsiteError:
        return set()
