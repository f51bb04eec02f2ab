"""How a definition names a disk that comes over the network, and which of them can be replicated.

libvirt: https://libvirt.org/formatdomain.html, `source` of a disk of type 'network'."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from ....datapath.disks import NetworkDisk

ISCSI: Final = "iscsi"
PORT: Final = "3260"
INITIATOR: Final = "iqn.2008-11.org.linux-kvm:"
"""QEMU calls itself so, and by the machine's id; a target may let in nobody else."""
_NAME: Final = re.compile(r"[^/]+(/(0|[1-9][0-9]{0,4}))?")
_ATTACH, _MOUNT = "Attach it to the host as a block device", "Mount it at the host, and name the disk's file"
_INSTEAD: Final[Mapping[str, str]] = {
    "nbd": f"{_ATTACH} ('nbd-client'), and name that",
    "gluster": _MOUNT,
    "nfs": _MOUNT,
    ISCSI: f"{_ATTACH} ('iscsiadm --login'), and name that",
    "rbd": f"{_ATTACH} ('rbd map'), and name that",
}


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """`named`: the protocol and the name in the definition; `disk`: None if it cannot be replicated, for the
    reason `why`, and `do` says what can."""

    named: str
    disk: NetworkDisk | None = None
    why: str = ""
    do: str = ""


def read(disk: Element, machine_id: str = "") -> NetworkSource | None:
    """What the element of a disk, or of what it is copied to, names; None if it is no network disk. QEMU
    itself tells a target the id of its machine."""
    source = disk.find("source")
    if disk.get("type") != "network" or source is None:
        return None
    protocol, name = source.get("protocol", ""), source.get("name", "")
    named = f"{protocol} {name}"
    why = _why_not(disk, source, protocol)
    if why:
        instead = _INSTEAD.get(protocol, "Move it to a file or block device of the host")
        return NetworkSource(named, None, why, f"{instead}; or exclude the disk.")
    return NetworkSource(named, _disk(source, name, machine_id))


def _why_not(disk: Element, source: Element, protocol: str) -> str:
    if protocol != ISCSI:
        return "of network disks only iSCSI can be replicated"
    if any(each.find("auth") is not None for each in (disk, source)):
        return "it needs a password, which only libvirt has"
    hosts = source.findall("host")
    if any(each.get("transport", "tcp") != "tcp" or not each.get("name") for each in hosts):
        return "it is not reached by TCP"
    if len(hosts) != 1:
        return "an iSCSI disk has one portal"
    if not _NAME.fullmatch(source.get("name", "")):
        return "its name is not TARGET/UNIT"
    parts = ("snapshot", "encryption", "slices")
    if found := [name for name in parts if source.find(name) is not None]:
        return f"it has <{found[0]}>"
    return ""


def _disk(source: Element, name: str, machine_id: str) -> NetworkDisk:
    [(host, port)] = [(each.get("name", ""), each.get("port") or PORT) for each in source.iterfind("host")]
    initiator = source.find("initiator/iqn")
    default = f"{INITIATOR}{machine_id}" if machine_id else ""
    user = default if initiator is None else initiator.get("name", "")
    server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return NetworkDisk(ISCSI, name if "/" in name else f"{name}/0", (server,), user)
