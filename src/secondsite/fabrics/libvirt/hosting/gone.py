"""Finds what the definition of a machine at home names and does not exist any more: nobody looked after it
while the machine ran at the other site.

libvirt starts no machine of which anything is missing. Networks of cards are checked elsewhere."""

import socket
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

import libvirt

from ....domain import errors
from ... import interface
from ..host import connection, domain_xml

PATHS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "disk": (("source", "file"), ("source", "dev"), ("source", "dir")),
    "filesystem": (("source", "file"), ("source", "dev"), ("source", "dir")),
    "input": (("source", "dev"), ("source", "evdev")),
    "tpm": (("backend/device", "path"),),
    "serial": (("source[@path]", "path"),),
    "parallel": (("source[@path]", "path"),),
}
"""For each kind of device, where it names things that must exist."""
NEEDED = ("os/kernel", "os/initrd", "os/loader", "devices/emulator")
DRIVES = ("cdrom", "floppy")
PCI, MEDIATED, USB, NETWORK = (
    Path("/sys/bus/pci/devices"),
    Path("/sys/bus/mdev/devices"),
    Path("/sys/bus/usb/devices"),
    Path("/sys/class/net"),
)


def at_home(
    hypervisor: connection.Hypervisor, root: Element, replicated: Collection[str]
) -> Iterator[interface.MissingPart]:
    """Everything that is gone. The disks that were `replicated` are not looked for: they come home on files
    of ours."""
    for path in NEEDED:
        named = (root.findtext(path) or "").strip()
        if named.startswith("/") and not Path(named).exists():
            yield interface.MissingPart("", f"{named} ({path.rpartition('/')[2]})", needed=True)
    for key, device in _devices(root):
        if device.tag == "disk" and _target(device) in replicated:
            continue
        what = _missing(hypervisor, device)
        if what is not None:
            yield interface.MissingPart(key, what, needed=False, medium=_is_drive(device))
    yield from _filters(hypervisor, root)


def leave_out(root: Element, keys: Collection[str]) -> None:
    """Take what is gone out of the definition. A drive stays, without its medium."""
    devices = root.find("devices")
    for key, device in list(_devices(root)):
        if f"filter {key}" in keys:
            domain_xml.remove(device, "filterref")
        if key not in keys or devices is None:
            continue
        if _is_drive(device):
            domain_xml.remove(device, "source")
        elif device.tag == "graphics":
            _listen_at_home(device)
        else:
            devices.remove(device)


def _devices(root: Element) -> Iterator[tuple[str, Element]]:
    """The devices, each with a key that counts those of its kind."""
    numbers: dict[str, int] = {}
    for device in root.iterfind("devices/*"):
        number = numbers.get(device.tag, 0)
        numbers[device.tag] = number + 1
        yield f"{device.tag} {number}", device


def _missing(hypervisor: connection.Hypervisor, device: Element) -> str | None:
    """What is gone of the device, in words; None if nothing is."""
    if device.tag == "graphics":
        return _address(device)
    if device.tag == "hostdev":
        return _host_device(device)
    if device.tag == "interface":
        return _host_card(device)
    source = device.find("source")
    if device.tag == "disk" and source is not None and source.get("startupPolicy") == "optional":
        return None  # libvirt starts it without
    if device.tag in ("disk", "filesystem") and device.get("type") == "volume":
        return _volume(hypervisor, device)
    if device.tag in ("serial", "parallel") and device.get("type") not in ("dev", "pipe"):
        return None
    named = (found.get(name) for path, name in PATHS.get(device.tag, ()) for found in device.iterfind(path))
    gone = next((path for path in named if path and path.startswith("/") and not Path(path).exists()), None)
    return None if gone is None else f"{gone} ({_called(device)})"


def _volume(hypervisor: connection.Hypervisor, device: Element) -> str | None:
    source = device.find("source")
    pool, name = ("", "") if source is None else (source.get("pool", ""), source.get("volume", ""))
    handle = hypervisor.handle
    try:
        found = connection.call("looking for a pool", handle.storagePoolLookupByName, pool)
        connection.call("looking for a volume", found.storageVolLookupByName, name)
    except errors.SecondsiteError as problem:
        if connection.code_of(problem) in (libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_ERR_NO_STORAGE_VOL):
            return f"volume {name} of the pool {pool} ({_called(device)})"
    return None


def _host_device(device: Element) -> str | None:
    address = device.find("source/address")
    match device.get("type"):
        case "pci" if address is not None:
            place = _pci(address)
            return None if (PCI / place).exists() else f"PCI device {place}"
        case "mdev" if address is not None:
            name = address.get("uuid", "")
            return None if (MEDIATED / name).exists() else f"mediated device {name}"
        case "usb":
            return _usb(device)
    return None


def _pci(address: Element) -> str:
    domain, bus, slot, function = (
        int(address.get(name, "0"), 0) for name in ("domain", "bus", "slot", "function")
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _usb(device: Element) -> str | None:
    wanted = [device.find(f"source/{name}") for name in ("vendor", "product")]
    source = device.find("source")
    optional = source is not None and source.get("startupPolicy") == "optional"
    if optional or any(each is None for each in wanted):
        return None
    ids = tuple(int(each.get("id", "0"), 0) for each in wanted if each is not None)
    there = (
        tuple(int((each / name).read_text(), 16) for name in ("idVendor", "idProduct"))
        for each in USB.glob("*")
        if (each / "idVendor").exists()
    )
    return None if ids in there else f"USB device {ids[0]:04x}:{ids[1]:04x}"


def _host_card(card: Element) -> str | None:
    """A host card that the machine's card uses and that is gone, in words; None if there is none."""
    address, source = card.find("source/address"), card.find("source")
    if card.get("type") == "hostdev" and address is not None and address.get("type") == "pci":
        place = _pci(address)
        return None if (PCI / place).exists() else f"PCI device {place}"
    below = source.get("dev", "") if source is not None and card.get("type") == "direct" else ""
    return f"{below} of the host, on which a card lies" if below and not (NETWORK / below).exists() else None


def _address(graphics: Element) -> str | None:
    """The address at which a console listens, if the host does not have it any more."""
    wanted = (each.get("address") for each in graphics.iterfind("listen"))
    gone = next((each for each in wanted if each and not _is_ours(each)), None)
    return None if gone is None else f"address {gone}, at which the graphical console listens"


def _is_ours(address: str) -> bool:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.bind(place)
    except OSError:
        return False
    return True


def _listen_at_home(graphics: Element) -> None:
    graphics.attrib.pop("listen", None)
    for listen in graphics.iterfind("listen"):
        if "address" in listen.attrib:
            listen.set("address", "127.0.0.1")


def _filters(hypervisor: connection.Hypervisor, root: Element) -> Iterator[interface.MissingPart]:
    for key, card in _devices(root):
        named = card.find("filterref") if card.tag == "interface" else None
        name = "" if named is None else named.get("filter", "")
        try:
            if name:
                find = hypervisor.handle.nwfilterLookupByName
                connection.call("looking for a network filter", find, name)
        except errors.SecondsiteError as problem:
            if connection.code_of(problem) == libvirt.VIR_ERR_NO_NWFILTER:
                yield interface.MissingPart(f"filter {key}", f"network filter '{name}'", needed=False)


def _is_drive(device: Element) -> bool:
    return device.tag == "disk" and device.get("device") in DRIVES


def _target(device: Element) -> str:
    found = device.find("target")
    return "" if found is None else found.get("dev") or found.get("dir") or ""


def _called(device: Element) -> str:
    kind = device.get("device", "disk") if device.tag == "disk" else device.tag
    return f"{kind} {_target(device)}".strip()
