"""Our dirty bitmaps and checkpoints of one machine, whether it runs or not.

The bitmaps in the images count; libvirt's checkpoint metadata follows them. Metadata may be missing
although the bitmap exists (P5), or remain although a killed QEMU lost the bitmap or left it inconsistent
(P2, P3). `settle` reconciles the two. A bitmap or checkpoint whose name does not start with ours is never
touched."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ..host import connection, domain_xml, inventory, monitor, qemu_img

OURS = "secondsite-"
LOOK_SECONDS = 20.0
Found = Mapping[str, Mapping[str, bool]]
"""By disk key and bitmap name: whether the bitmap is whole and records."""


@dataclass(frozen=True, slots=True)
class RunningDisks:
    """The disks of a running machine, and what QEMU says of the drive of each, by disk key."""

    disks: tuple[domain_xml.Disk, ...]
    drives: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, disks: tuple[domain_xml.Disk, ...], drives: Iterable[Mapping[str, Any]]) -> Self:
        devices = monitor.devices_by_part(drives)
        return cls(disks, {disk.key: devices.get(disk.alias or "", {}) for disk in disks})

    @property
    def media(self) -> Mapping[str, Mapping[str, Any]]:
        return {key: drive.get("inserted", {}) for key, drive in self.drives.items()}

    @property
    def bitmaps(self) -> Found:
        """All bitmaps, foreign ones too."""
        return {
            key: {
                bitmap["name"]: is_whole(bitmap, medium)
                for bitmap in medium.get("dirty-bitmaps", ())
                if "name" in bitmap
            }
            for key, medium in self.media.items()
        }

    @property
    def sizes_bytes(self) -> dict[str, int]:
        return {
            key: medium["image"]["virtual-size"] for key, medium in self.media.items() if "image" in medium
        }


def look(domain: Any) -> RunningDisks:
    """Ask QEMU about all disks of a running machine, in one question."""
    found: RunningDisks = connection.call("looking at the disks", _look, domain, seconds=LOOK_SECONDS)
    return found


def _look(domain: Any) -> RunningDisks:
    return RunningDisks.of(inventory.live_disks(domain), monitor.drives(domain))


def is_kept(medium: Mapping[str, Any]) -> bool:
    """Whether a disk, as QEMU describes its medium, keeps its bitmaps when QEMU ends."""
    specific = medium.get("image", {}).get("format-specific", {}).get("data", {})
    return medium.get("drv") == domain_xml.QCOW2 and specific.get("compat") != qemu_img.VERSION_2


def is_whole(bitmap: Mapping[str, Any], medium: Mapping[str, Any]) -> bool:
    """Whether a bitmap of a disk, as QEMU describes them, records and is consistent."""
    stays = bitmap["persistent"] or not is_kept(medium)
    return bool(bitmap["recording"] and stays and not bitmap.get("inconsistent", False))


def usable(found: Found, key: str, name: str | None) -> bool:
    return name is not None and found.get(key, {}).get(name, False)


def checkpoints(domain: Any) -> dict[str, Any]:
    """All checkpoints that libvirt knows, by name, foreign ones too."""
    known = connection.call("listing checkpoints", domain.listAllCheckpoints, 0)
    return {checkpoint.getName(): checkpoint for checkpoint in known}


def settle(
    domain: Any, base: str | None, recorded: Collection[str] = (), *, define: bool = True
) -> RunningDisks:
    """Removes bitmaps that are broken and those that nobody knows, neither libvirt nor we (`recorded`), and
    returns the disks with their bitmaps. `define`: makes libvirt know `base` where its bitmap is usable.

    The machine must be running.
    """
    known = checkpoints(domain)
    seen = look(domain)
    useless = [
        (key, name)
        for key, bitmaps in seen.bitmaps.items()
        for name, whole in bitmaps.items()
        if name.startswith(OURS) and (not whole or name not in (base, *known, *recorded))
    ]
    for key, name in useless:
        _remove_from_qemu(domain, key, name)
    if useless:
        seen = look(domain)
    found = seen.bitmaps
    alive = {name for bitmaps in found.values() for name in bitmaps}
    for name, checkpoint in known.items():
        if name.startswith(OURS) and name not in alive:
            _forget(checkpoint)
    if define and base is not None and base in alive and base not in known:
        _redefine(domain, base, [key for key in found if base in found[key]])
    return seen


def remove_running(domain: Any, keep: str | None) -> None:
    """Removes all our checkpoints and bitmaps of a running machine, except `keep`."""
    known = checkpoints(domain)
    doomed = [checkpoint for name, checkpoint in known.items() if name.startswith(OURS) and name != keep]
    whole = [_delete(domain, checkpoint) for checkpoint in doomed]
    if keep in known and whole and all(whole):
        return  # as after every view, before which `settle` looked for bitmaps that libvirt does not know
    for key, bitmaps in look(domain).bitmaps.items():
        for name in bitmaps:
            if name.startswith(OURS) and name != keep:
                _remove_from_qemu(domain, key, name)


def remove_off(domain: Any, keep: str | None, key: EncryptionKey | None = None) -> None:
    """Removes all our checkpoints and bitmaps of an off machine, except `keep`. `key` opens encrypted
    disks."""
    for disk in _stored_disks(domain):
        for name in _in_file(disk):
            if name.startswith(OURS) and name != keep:
                qemu_img.remove_bitmap(Path(disk.path), name, key)
    for name, checkpoint in checkpoints(domain).items():
        if name.startswith(OURS) and name != keep:
            _forget(checkpoint)


def _stored_disks(domain: Any) -> tuple[domain_xml.Disk, ...]:
    return domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))


def _in_file(disk: domain_xml.Disk) -> Mapping[str, bool]:
    if not disk.keeps_bitmaps:
        return {}
    try:
        return qemu_img.facts(Path(disk.path), disk.read_as).bitmaps
    except errors.FabricError:
        return {}


def _delete(domain: Any, checkpoint: Any) -> bool:
    """Deletes a checkpoint with its bitmaps; if a bitmap is gone already, only its metadata (P3), and returns
    False. libvirt has no error code for that, and its message is in the host's language: so QEMU is asked
    which bitmaps there are."""
    try:
        connection.call("deleting a checkpoint", checkpoint.delete, 0)
    except errors.DeadlineExceeded:
        raise
    except errors.FabricError:
        if _has_its_bitmaps(domain, checkpoint):
            raise
        _forget(checkpoint)
        return False
    return True


def _has_its_bitmaps(domain: Any, checkpoint: Any) -> bool:
    root = domain_xml.parse(connection.call("reading a checkpoint", checkpoint.getXMLDesc, 0))
    has, found = root.findall("disks/disk[@checkpoint='bitmap']"), look(domain).bitmaps
    return all(disk.get("bitmap", "") in found.get(disk.get("name", ""), {}) for disk in has)


def _forget(checkpoint: Any) -> None:
    flag = libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY
    try:
        connection.call("forgetting a checkpoint", checkpoint.delete, flag)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT:
            raise


def _remove_from_qemu(domain: Any, key: str, name: str) -> None:
    disks = inventory.live_disks(domain)
    alias = next((disk.alias for disk in disks if disk.key == key), None)
    device = monitor.block_devices(domain).get(alias or "")
    if device is not None:
        monitor.execute(domain, "block-dirty-bitmap-remove", node=device["node-name"], name=name)


def _redefine(domain: Any, name: str, keys: list[str]) -> None:
    """Tells libvirt about a checkpoint whose bitmap exists; libvirt requires the whole domain with it."""
    root = Element("domaincheckpoint")
    SubElement(root, "name").text = name
    SubElement(root, "creationTime").text = str(int(time.time()))
    disks = SubElement(root, "disks")
    for disk in inventory.live_disks(domain):
        if disk.key in keys:
            SubElement(disks, "disk", {"name": disk.key, "checkpoint": "bitmap", "bitmap": name})
        else:
            SubElement(disks, "disk", {"name": disk.key, "checkpoint": "no"})
    root.append(domain_xml.parse(inventory.definition_xml(domain)))
    text = ElementTree.tostring(root, encoding="unicode")
    flag = libvirt.VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE
    connection.call("redefining a checkpoint", domain.checkpointCreateXML, text, flag)
