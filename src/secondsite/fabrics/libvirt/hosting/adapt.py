"""Adapts a machine's definition to this site. Pure: XML in, XML out.

What is allowed to come along is what the guest sees (device types, addresses, MACs); files, networks and
consoles are this site's."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from ....datapath.disks import ImageFacts
from ....datapath.encryption import EncryptionKey
from ....domain.networks import portgroups
from ... import interface
from .. import vlans
from ..host import domain_xml, secrets
from . import consoles, cpu_models, foreign, generation, guards, machine_types, newer, sizing
from .plain import machine, notes


@dataclass(frozen=True, slots=True)
class HostFeatures:
    """What this site offers."""

    kvm: bool
    libvirt_networks: frozenset[str]
    console_folder: Path
    nvram_folder: Path
    key: EncryptionKey | None = None
    chains: Mapping[str, Sequence[ImageFacts]] = field(default_factory=dict)
    """Files of encrypted disks by disk key, top first: libvirt needs the key for each of them."""
    boot_folders: tuple[Path, ...] = ()
    """Folders that kernels may be taken from."""
    vlan_networks: frozenset[str] = frozenset()
    """Networks whose machines may choose their own VLAN tags."""
    guarding_networks: frozenset[str] = frozenset()
    """Networks on which cards can have filters, and be isolated from each other."""
    filters: frozenset[str] = frozenset()
    """The network filters that are defined here."""
    libvirt: int = newer.ANY
    """The release number of the hypervisor's libvirt, in libvirt's own counting."""
    kinds_of_machine: machine_types.Known = field(default_factory=dict)
    """Machine types that QEMU here emulates, by architecture; if empty, a machine keeps its own."""
    models: cpu_models.CpuModels = cpu_models.NONE
    """What machines like this one can have here; if empty, a machine keeps its own."""
    devices: frozenset[str] = frozenset()
    """What QEMU here emulates; if empty, that is not known."""


def adapted(request: interface.HostRequest, place: HostFeatures) -> str:
    """The domain XML of the machine that the request asks for."""
    request = _in_our_words(request, place)
    root = foreign.admit(consoles.close(foreign.parse(request.definition.native)), place.boot_folders).root
    newer.leave_out(root, place.libvirt)
    machine_types.fit(root, place.kinds_of_machine)
    _limits(root)
    if root.find("devices") is None:
        SubElement(root, "devices")
    sizing.set_text(root, "name", request.name)
    sizing.set_text(root, "uuid", request.fabric_id)
    domain_xml.set_tag(root, request.tag)
    sizing.apply(root, request.sizing)
    generation.give(root, request.goes_back)
    _accelerator(root, place.kvm)
    cpu_models.fit(root, place.models)
    cpu_models.give(root, request.sizing.cpu_model)
    _firmware_identity(root)
    _disks(root, request, place)
    _nics(root, request, place)
    _devices(root, request, place.console_folder)
    _firmware_by_its_file(root)
    _nvram(root, request, place.nvram_folder)
    return domain_xml.render(root)


def left_out(request: interface.HostRequest, place: HostFeatures) -> tuple[str, ...]:
    """The parts of the machine's definition that do not fit the vCPUs and the memory that it gets here, or
    that this site does not have, in words."""
    if request.home is not None:
        return ()
    instead = notes.chosen(request.definition, place.devices)
    request = _in_our_words(request, place)
    root = foreign.parse(request.definition.native)
    filters = (
        words
        for key, card in domain_xml.nic_elements(root)
        if (network := request.networks.get(key)) is not None
        for words in guards.lacking(key, card, place.filters, takes_them=network in place.guarding_networks)
    )
    return (
        *instead, *sizing.left_out(root, request.sizing), *newer.left_out(root, place.libvirt),
        *machine_types.left_out(root, place.kinds_of_machine), *_other_cpu(root, request, place), *filters,
    )  # fmt: skip


def _other_cpu(root: Element, request: interface.HostRequest, place: HostFeatures) -> tuple[str, ...]:
    """The CPU model that was replaced because this host does not have it, in words."""
    chosen = request.sizing.cpu_model is not None
    return () if chosen else cpu_models.left_out(root, place.models)


def _in_our_words(request: interface.HostRequest, place: HostFeatures) -> interface.HostRequest:
    """The request with the definition in libvirt's language, if another platform described the machine."""
    definition = request.definition
    if definition.fabric_kind == "libvirt" and definition.native:
        return request
    text = machine.described(definition, place.devices, kvm=place.kvm)
    native = definition.model_copy(update={"native": text})
    return replace(machine.numbered(request), definition=native)


def _limits(root: Element) -> None:
    """Remove limits that name the source's host; an element that had only pinning is removed too."""
    for name in ("cputune", "memtune", "blkiotune"):
        found = root.find(name)
        if found is not None and len(found) == 0:
            root.remove(found)


def _accelerator(root: Element, kvm: bool) -> None:
    """Without KVM the machine is emulated and cannot use the host's CPU model."""
    if kvm or root.get("type") != "kvm":
        return
    root.set("type", "qemu")
    domain_xml.remove(root, "cpu", "memoryBacking")
    for features in root.findall("features"):
        domain_xml.remove(features, "hyperv", "kvm", "pmu")
    clock = root.find("clock")
    if clock is not None:
        for timer in clock.findall("timer"):
            if timer.get("name") in ("kvmclock", "hypervclock", "tsc"):
                clock.remove(timer)


def _firmware_identity(root: Element) -> None:
    """Fix SMBIOS, which may repeat the machine's UUID; libvirt refuses one that differs."""
    system = root.find("sysinfo/system")
    if system is not None:
        for entry in system.findall("entry"):
            if entry.get("name") == "uuid":
                system.remove(entry)


def _firmware_by_its_file(root: Element) -> None:
    """A definition that names the file of its firmware does not ask for a choice as well: newer releases of
    libvirt write down both, and older ones refuse that."""
    boot = root.find("os")
    if boot is not None and (boot.findtext("loader") or "").strip():
        boot.attrib.pop("firmware", None)
        domain_xml.remove(boot, "firmware")


def _disks(root: Element, request: interface.HostRequest, place: HostFeatures) -> None:
    """Point replicated disks, and those that something stands in for, to the requested files; remove other
    disks and media."""
    devices = root.find("devices")
    assert devices is not None
    kept = {id(element): key for key, element in domain_xml.disk_elements(root) if key in request.disks}
    for element in devices.findall("disk"):
        key = kept.get(id(element))
        if key is not None:
            _place_disk(element, request.disks[key])
            if place.key is not None:
                tell_key(element, place.chains.get(key, ()), place.key)
        elif element.get("device") in ("cdrom", "floppy"):
            element.set("type", "file")
        else:
            devices.remove(element)


def _place_disk(element: Element, path: Path) -> None:
    """One that stands in for a disk that several machines had is this machine's alone, and libvirt shares no
    qcow2 file."""
    place_on(element, path)
    domain_xml.remove(element, "shareable")
    element.set("device", "disk")


def place_on(disk: Element, path: Path) -> None:
    """Point a disk to a file of ours, without changing how the guest sees it."""
    domain_xml.remove(disk, "source", "backingStore", "mirror", "auth", "encryption")
    disk.set("type", "file")
    driver = disk.find("driver")
    if driver is None:
        driver = SubElement(disk, "driver", {"name": "qemu"})
    driver.set("type", "qcow2")
    SubElement(disk, "source", {"file": str(path)})


def tell_key(disk: Element, chain: Sequence[ImageFacts], key: EncryptionKey) -> None:
    """Name every file of an encrypted chain, with its key: libvirt finds files below by itself only if
    they are plain."""
    above = disk
    for number, link in enumerate(chain):
        if number:
            above = SubElement(above, "backingStore", {"type": "file"})
            SubElement(above, "format", {"type": link.image_format})
            SubElement(above, "source", {"file": str(link.path)})
        source = above.find("source")
        if link.encrypted and source is not None:
            source.append(secrets.encryption(key))
    if chain:
        SubElement(above, "backingStore")


def _nics(root: Element, request: interface.HostRequest, place: HostFeatures) -> None:
    """Remove network cards without a network here: QEMU has no unconnected card."""
    devices = root.find("devices")
    assert devices is not None
    at_source = dict(domain_xml.nic_elements(foreign.parse(request.definition.native)))
    for key, element in list(domain_xml.nic_elements(root)):
        network = request.networks.get(key)
        if network is None:
            devices.remove(element)
            continue
        _connect(element, network, place)
        if key in request.macs:
            domain_xml.remove(element, "mac")
            SubElement(element, "mac", {"address": request.macs[key]})
        guards.settle(element, place.filters, takes_them=network in place.guarding_networks)
        if network in place.vlan_networks:
            vlans.take_along(at_source[key], element)


def _connect(card: Element, network: str, place: HostFeatures) -> None:
    """A portgroup that is not here counts as a bridge that is not: libvirt would start the machine in no
    portgroup."""
    if network not in place.libvirt_networks:
        card.set("type", "bridge")
        SubElement(card, "source", {"bridge": network})
        return
    card.set("type", "network")
    name, portgroup = portgroups.split(network)
    SubElement(card, "source", {"network": name} | ({"portgroup": portgroup} if portgroup else {}))


def _devices(root: Element, request: interface.HostRequest, console_folder: Path) -> None:
    devices = root.find("devices")
    assert devices is not None
    for element in devices.findall("rng") + devices.findall("tpm"):
        if element.find("backend") is None:
            devices.remove(element)
    consoles.settle(devices, console_folder / f"{request.name}.log")


def _nvram(root: Element, request: interface.HostRequest, folder: Path) -> None:
    """UEFI variables: a file of ours if the request brings them, else a fresh copy of the template under the
    machine's name."""
    nvram, boot = root.find("os/nvram"), root.find("os")
    brought = "nvram" in request.firmware
    if nvram is None and brought and boot is not None:
        nvram = SubElement(boot, "nvram")
    if nvram is None:
        return
    nvram.text = os.fspath(folder / f"{request.fabric_id}.fd") if brought else None
    if not brought and not nvram.attrib and boot is not None:
        boot.remove(nvram)
