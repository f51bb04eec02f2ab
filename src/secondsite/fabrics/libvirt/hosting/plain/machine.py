"""The definition of a machine that another platform described. Pure."""

from collections.abc import Collection
from dataclasses import replace
from xml.etree.ElementTree import Element, SubElement

from .....wire.common.machines import DiskDefinition, MachineDefinition
from .... import interface
from ...host import domain_xml
from .. import sizing
from . import drives

EMPTY = """<domain type='kvm'><name/><memory/><vcpu/><os><type arch='x86_64' machine='pc'>hvm</type></os>
<features><acpi/></features><devices><serial type='file'><source path=''/></serial></devices></domain>"""
AGENT = "org.qemu.guest_agent.0"


def described(definition: MachineDefinition, devices: Collection[str], *, kvm: bool) -> str:
    """The machine in libvirt's language. One whose platform names drives has been hardware: it gets what a
    server has besides, as a screen and a modern processor."""
    root = domain_xml.parse(EMPTY)
    parts = root.find("devices")
    assert parts is not None
    sizing.set_text(root, "vcpu", str(definition.vcpus))
    sizing.set_memory(root, definition.memory_bytes)
    attachment = drives.chosen(definition, devices)
    for number, disk in enumerate(definition.disks):
        _disk(parts, disk, number, attachment)
    for nic in definition.nics:
        element = SubElement(parts, "interface", {"type": "bridge"})
        SubElement(element, "mac", {"address": nic.mac})
        SubElement(element, "model", {"type": nic.model})
    if definition.drives:
        _like_a_server(root, parts, kvm=kvm)
    _board(root, q35=definition.firmware == "uefi" or bool(attachment and attachment.wants_q35))
    if definition.firmware == "uefi":
        _uefi(root)
    return domain_xml.render(root)


def numbered(request: interface.HostRequest) -> interface.HostRequest:
    """The request with its cards named by their places, as in libvirt's definitions."""
    places = {nic.key: f"net{number}" for number, nic in enumerate(request.definition.nics)}
    return replace(
        request,
        networks={places.get(key, key): network for key, network in request.networks.items()},
        macs={places.get(key, key): mac for key, mac in request.macs.items()},
    )


def _disk(parts: Element, disk: DiskDefinition, number: int, attachment: drives.Attachment | None) -> None:
    element = SubElement(parts, "disk", {"type": "file", "device": "disk"})
    SubElement(element, "driver", {"name": "qemu", "type": "qcow2"})
    SubElement(element, "target", {"dev": disk.key, "bus": attachment.bus if attachment else disk.bus})
    if attachment is None:
        return
    if disk.boot_order is not None:
        SubElement(element, "boot", {"order": str(disk.boot_order)})
    if attachment.controller:
        place = drives.address(number)
        SubElement(element, "address", dict(place))
        if place["target"] == "0":
            controller = {"type": "scsi", "index": place["controller"], "model": attachment.controller}
            SubElement(parts, "controller", controller)


def _like_a_server(root: Element, parts: Element, *, kvm: bool) -> None:
    """Without a processor of its own choice a machine gets QEMU's least, on which systems of today end at
    once."""
    if not kvm:
        root.set("type", "qemu")
    SubElement(root, "cpu", {"mode": "host-model" if kvm else "maximum"})
    SubElement(root, "clock", {"offset": "utc"})
    channel = SubElement(parts, "channel", {"type": "unix"})
    SubElement(channel, "target", {"type": "virtio", "name": AGENT})
    screen = SubElement(parts, "graphics", {"type": "vnc"})
    SubElement(screen, "listen", {"type": "none"})
    SubElement(SubElement(parts, "video"), "model", {"type": "vga"})
    rng = SubElement(parts, "rng", {"model": "virtio"})
    SubElement(rng, "backend", {"model": "random"}).text = "/dev/urandom"


def _board(root: Element, *, q35: bool) -> None:
    kind = root.find("os/type")
    if kind is not None and q35:
        kind.set("machine", "q35")


def _uefi(root: Element) -> None:
    """libvirt picks the firmware. Its variables are new, so no key of the machine's owner is in them:
    Secure Boot would refuse what that key signed."""
    boot = root.find("os")
    if boot is not None:
        boot.set("firmware", "efi")
        SubElement(SubElement(boot, "firmware"), "feature", {"enabled": "no", "name": "secure-boot"})
