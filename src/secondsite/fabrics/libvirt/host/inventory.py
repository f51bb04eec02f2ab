"""The machines of the site, ours and others."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....datapath.disks import NetworkDisk, image
from ....domain import errors
from ....domain.machines.connecting import Sight
from ....domain.machines.hardware import Hindrance
from ... import interface
from ...interface import HeldDisk, HeldResources
from . import connection, domain_xml, monitor, network_access, network_sizes, qemu_img, states, unescaped

SIZE_SECONDS = 5.0
TRIAL = "secondsite-trial"
"""The tag of a machine that is only defined for a trial start."""
PATH_NAMES = {"file": "file", "block": "dev"}
"""What an element of this kind calls its path."""
VOLUME_KINDS = {libvirt.VIR_STORAGE_VOL_FILE: "file", libvirt.VIR_STORAGE_VOL_BLOCK: "block"}
FOLDER_POOLS = ("dir", "fs", "netfs")


class Inventory:
    """Reads the machines of the site; changes nothing."""

    def __init__(
        self,
        hypervisor: connection.Hypervisor,
        lacking: Callable[[str], Sequence[Hindrance]],
        inside: Callable[[str], Sight | None],
    ) -> None:
        """`lacking` tells what was seen to be lacking in a machine, `inside` what lets somebody connect."""
        self._hypervisor = hypervisor
        self._lacking = lacking
        self._inside = inside

    def list(self) -> Sequence[interface.MachineSummary]:
        found = (_summary_unless_gone(domain) for domain in self._hypervisor.domains())
        return sorted(
            (summary for summary in found if summary and summary.tag != TRIAL),
            key=lambda summary: summary.name,
        )

    def get(self, fabric_id: str) -> interface.MachineSummary | None:
        domain = self._hypervisor.find(fabric_id)
        found = None if domain is None else _summary_unless_gone(domain)
        if found is None or found.power is interface.PowerState.OFF:
            return found
        return dataclasses.replace(found, attached=tuple(disk.key for disk in live_disks(domain)))

    def running(self) -> frozenset[str]:
        found = self._hypervisor.domains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        return frozenset(domain.UUIDString() for domain in found)

    def tag(self, fabric_id: str) -> str | None:
        return tag_of(self._hypervisor.domain(fabric_id))

    def concerns(self, fabric_id: str) -> Sequence[interface.Concern]:
        return interface.unprepared(self._lacking(fabric_id))

    def inside(self, fabric_id: str) -> Sight | None:
        return self._inside(fabric_id)

    def beginning(self, fabric_id: str, disk: str, length: int) -> bytes:
        found = {each.key: each for each in domain_xml.disks(self._definition(fabric_id))}.get(disk)
        if found is None or found.network is not None or not found.path or found.encrypted:
            return b""
        with contextlib.suppress(errors.SecondsiteError), qemu_img.translated():
            return image.beginning(Path(found.path), found.format, length)
        return b""

    def _definition(self, fabric_id: str) -> Element:
        return domain_xml.parse(definition_xml(self._hypervisor.domain(fabric_id)))

    def holding(self, fabric_id: str) -> interface.HeldResources:
        domain = self._hypervisor.domain(fabric_id)
        stays = bool(connection.call("looking whether a machine is kept", domain.isPersistent))
        is_on = power_of(domain).is_on
        now = domain_xml.parse(live_xml(domain)) if is_on else None
        kept = domain_xml.parse(definition_xml(domain)) if stays else None
        found = holding(now, kept)
        off = _inactive_pools(domain) if stays else {}
        pools = (off.get(each.key, "") if each.kept else "" for each in found.disks)
        disks = (replace(each, inactive_pool=pool) for each, pool in zip(found.disks, pools, strict=True))
        return replace(found, disks=tuple(disks))


def power_of(domain: Any) -> interface.PowerState:
    return states.of(domain).power


def definition_xml(domain: Any, flags: int = 0) -> str:
    """The stored definition, not the running one. Disks that are volumes of storage pools are named by their
    files or devices, if libvirt knows these."""
    return _xml(domain, libvirt.VIR_DOMAIN_XML_INACTIVE | flags)


def live_xml(domain: Any) -> str:
    """As `definition_xml`, the running definition, with device aliases and backing chains; of a machine that
    is off, the stored one."""
    return _xml(domain, 0)


def _xml(domain: Any, flags: int) -> str:
    text = unescaped.escaped(str(connection.call("reading a definition", domain.XMLDesc, flags)))
    if "type='volume'" not in text:
        return text
    is_stored = flags & libvirt.VIR_DOMAIN_XML_INACTIVE
    return _by_path(domain.connect(), text, {} if is_stored else _open_media(domain))


def _open_media(domain: Any) -> Mapping[str, Mapping[str, Any]]:
    """What the QEMU of a machine of ours has open, by parts of its drives' paths. Others' are not asked."""
    if not power_of(domain).is_on or tag_of(domain) is None:
        return {}
    try:
        return monitor.block_devices(domain)
    except errors.SecondsiteError:
        return {}


def live_disks(domain: Any) -> tuple[domain_xml.Disk, ...]:
    """The disks of `live_xml`."""
    return domain_xml.disks_in(live_xml(domain))


def tag_of(domain: Any) -> str | None:
    return mark_of(domain).get("tag")


def is_start_forbidden(domain: Any) -> bool:
    """Whether our mark forbids the machine's start."""
    return mark_of(domain).get("start") == domain_xml.FORBIDDEN


def mark_of(domain: Any) -> Mapping[str, str]:
    """The attributes of our mark on a machine; empty if it has none. Only the metadata is asked for: before
    it returns a definition, libvirt 11 waits half a minute for a machine whose QEMU hangs."""
    is_kept = connection.call("looking whether a machine is kept", domain.isPersistent)
    flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG if is_kept else libvirt.VIR_DOMAIN_AFFECT_CURRENT
    arguments = (libvirt.VIR_DOMAIN_METADATA_ELEMENT, domain_xml.NAMESPACE, flags)
    try:
        return domain_xml.parse(connection.call("reading our mark", domain.metadata, *arguments)).attrib
    except errors.FabricError as error:
        if connection.code_of(error) == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return {}
        raise


def require_tag(domain: Any, tag: str) -> None:
    """Raises NotOurs unless the machine carries exactly `tag`."""
    found = tag_of(domain)
    if found != tag:
        carries = "no secondsite tag" if found is None else f"the tag {found}"
        raise errors.NotOurs(
            f"The machine '{domain.name()}' must carry the tag {tag}, but carries {carries}."
        )


def sizes_bytes(domain: Any, disks: Sequence[domain_xml.Disk]) -> dict[str, int]:
    """Virtual sizes by disk key; a disk whose image cannot be read is left out."""
    found = {disk.key: _size_bytes(domain, disk) for disk in disks}
    return {key: size for key, size in found.items() if size is not None}


def _size_bytes(domain: Any, disk: domain_xml.Disk) -> int | None:
    """The disk's size in bytes according to QEMU, or to the image if QEMU does not answer: a machine that
    hangs must not delay a list."""
    try:
        ask = connection.call("reading a disk's size", domain.blockInfo, disk.key, seconds=SIZE_SECONDS)
        return int(ask[0])
    except (errors.FabricError, errors.DeadlineExceeded):
        pass
    try:
        place = network_access.location(domain, disk)
        if isinstance(place, NetworkDisk):
            return network_sizes.last_known(place)
        return qemu_img.facts(place, disk.read_as).size_bytes
    except (errors.FabricError, errors.DeadlineExceeded):
        return None


def told_xml(domain: Any) -> str:
    """The stored definition for other sites: it tells that a console has a password, but not the password."""
    return domain_xml.without_passwords(definition_xml(domain, libvirt.VIR_DOMAIN_XML_SECURE))


def summary(domain: Any) -> interface.MachineSummary:
    text = told_xml(domain)
    root = domain_xml.parse(text)
    return interface.MachineSummary(
        fabric_id=domain.UUIDString(),
        name=domain.name(),
        power=power_of(domain),
        tag=domain_xml.tag_of(root),
        definition=domain_xml.definition(text, sizes_bytes(domain, domain_xml.disks(root))).model_copy(
            update={"starts_with_host": _starts_with_host(domain, root)}
        ),
        start_forbidden=domain_xml.is_start_forbidden(root),
    )


def _starts_with_host(domain: Any, root: Element) -> bool:
    """Whether its owner wants it to start with its host: for an old copy that is kept from starting, how it
    was before."""
    now = bool(connection.call("reading autostart", domain.autostart))
    return now or (domain_xml.is_start_forbidden(root) and domain_xml.started_with_host(root))


def _summary_unless_gone(domain: Any) -> interface.MachineSummary | None:
    try:
        return summary(domain)
    except errors.NotFound:
        return None


# The files that a machine has as disks, as they are now and as its next start takes them.


def holding(now: Element | None, kept: Element | None) -> HeldResources:
    """What a machine uses, from its running definition (None if it is off) and the one that libvirt keeps
    (None if it keeps none)."""
    live = list(_disks(now, now=True))
    later = list(_disks(kept, now=False))
    places = {(each.key, each.path) for each in live}
    stay = {(each.key, each.path) for each in later}
    disks = [replace(each, kept=(each.key, each.path) in stay) for each in live]
    disks += [each for each in later if (each.key, each.path) not in places]
    return HeldResources(tuple(disks), _macs(kept if now is None else now), kept is not None)


def _macs(root: Element | None) -> frozenset[str]:
    cards = [] if root is None else root.iterfind("devices/interface/mac")
    return frozenset(each.get("address", "").lower() for each in cards)


def _disks(root: Element | None, *, now: bool) -> Iterator[HeldDisk]:
    """The disks of a definition, also the files that a block copy writes to."""
    for element in () if root is None else root.iterfind("devices/disk"):
        target = element.find("target")
        key = "" if target is None else target.get("dev", "")
        read_only = element.find("readonly") is not None or element.get("device") == "cdrom"
        below = tuple(filter(None, map(domain_xml.path_of, element.iter("backingStore"))))
        driver = element.find("driver")
        form = domain_xml.RAW if driver is None else driver.get("type", domain_xml.RAW)
        yield HeldDisk(key, domain_xml.path_of(element), now, not now, read_only, below, form)
        mirror = element.find("mirror")
        if mirror is not None and mirror.find("source") is not None:
            copied = element.find("mirror/format")
            form = domain_xml.RAW if copied is None else copied.get("type", domain_xml.RAW)
            yield HeldDisk(key, domain_xml.path_of(mirror), now, not now, format=form)


# Volumes of storage pools: a definition names them by their pool, and files and devices are what they are.


def _by_path(handle: Any, text: str, media: Mapping[str, Mapping[str, Any]]) -> str:
    """`media` are the drives of a QEMU by parts of their path: what it has open need not be what the pool has
    now."""
    root = domain_xml.parse(text)
    for element in root.iterfind("devices/disk"):
        source, alias = element.find("source"), element.find("alias")
        medium = media.get("" if alias is None else alias.get("name", ""), {})
        path = str(medium.get("image", {}).get("filename", ""))
        if element.get("type") == "volume" and source is not None and path.startswith("/"):
            _name(element, source, "block" if Path(path).is_block_device() else "file", path)
        for named in (element, *element.iter("backingStore"), *element.iter("mirror")):
            source = named.find("source")
            if named.get("type") == "volume" and source is not None:
                _name_by_path(handle, named, source)
    return domain_xml.render(root)


def _name_by_path(handle: Any, named: Element, source: Element) -> None:
    kind, path = _volume(handle, source.get("pool", ""), source.get("volume", ""))
    if path and kind in PATH_NAMES:
        _name(named, source, kind, path)


def _name(named: Element, source: Element, kind: str, path: str) -> None:
    named.set("type", kind)
    source.set(PATH_NAMES[kind], path)
    for name in ("pool", "volume", "mode"):
        source.attrib.pop(name, None)


def _inactive_pools(domain: Any) -> Mapping[str, str]:
    """The pools that are not active, of the volumes that a machine's next start takes, by disk key."""
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE
    text = str(connection.call("reading a definition", domain.XMLDesc, flags))
    if "type='volume'" not in text:
        return {}
    volumes = domain_xml.parse(text).iterfind("devices/disk[@type='volume']")
    pools = {_key(each): each.find("source[@pool]") for each in volumes}
    names = {key: source.get("pool", "") for key, source in pools.items() if source is not None}
    return {key: name for key, name in names.items() if _is_inactive(domain.connect(), name)}


def _key(disk: Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def _is_inactive(handle: Any, pool: str) -> bool:
    """Whether the pool is there, and not active."""
    try:
        found = connection.call("looking for a pool", handle.storagePoolLookupByName, pool)
        return not connection.call("asking for a pool's state", found.isActive)
    except errors.SecondsiteError:
        return False


def _volume(handle: Any, pool: str, name: str) -> tuple[str, str]:
    """What a volume is (file, block, or another word) and its path, as its pool says; if libvirt has not
    refreshed the pool since, or it is not active, the path in the pool's folder. Both empty if there is no
    such pool."""
    try:
        found = connection.call("looking for a pool", handle.storagePoolLookupByName, pool)
        try:
            volume = connection.call("looking for a volume", found.storageVolLookupByName, name)
            kind = connection.call("asking what a volume is", volume.info)[0]
            path = str(connection.call("asking where a volume lies", volume.path))
            return VOLUME_KINDS.get(kind, "other"), path
        except errors.SecondsiteError:
            root = domain_xml.parse(connection.call("reading a pool", found.XMLDesc, 0))
            folder = root.findtext("target/path", "")
            kind = "file" if root.get("type") in FOLDER_POOLS else "block"
            return kind, os.path.join(folder, name) if folder else ""
    except errors.SecondsiteError:
        return "", ""
