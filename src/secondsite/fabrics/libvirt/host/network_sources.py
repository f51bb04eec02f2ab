"""How a definition names a disk that comes over the network, and which of them can be replicated.

libvirt: https://libvirt.org/formatdomain.html, `source` of a disk of type 'network'."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from ....datapath.disks import NetworkDisk

ISCSI: Final = "iscsi"
RBD: Final = "rbd"
PORT: Final = "3260"
INITIATOR: Final = "iqn.2008-11.org.linux-kvm:"
"""QEMU calls itself so, and by the machine's id; a target may let in nobody else."""
_UNIT: Final = re.compile(r"[^/]+(/(0|[1-9][0-9]{0,4}))?")
_IMAGE: Final = re.compile(r"[^/@:]+(/[^/@:]+){1,2}")
_ATTACH, _MOUNT = "Attach it to the host as a block device", "Mount it at the host, and name the disk's file"
_INSTEAD: Final[Mapping[str, str]] = {
    "nbd": f"{_ATTACH} ('nbd-client'), and name that",
    "gluster": _MOUNT,
    "nfs": _MOUNT,
    ISCSI: f"{_ATTACH} ('iscsiadm --login'), and name that",
    RBD: f"{_ATTACH} ('rbd map'), and name that",
}


@dataclass(frozen=True, slots=True)
class Secret:
    """Where libvirt has the password of a disk's user: by the secret's UUID, or by its usage."""

    uuid: str
    usage: str

    def __str__(self) -> str:
        return self.uuid or self.usage


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """`named`: the protocol and the name in the definition; `disk`: None if it cannot be replicated, for the
    reason `why`, and `do` says what can. `secret`: None if it needs no password of libvirt's."""

    named: str
    disk: NetworkDisk | None = None
    why: str = ""
    do: str = ""
    secret: Secret | None = None


def read(disk: Element, machine_id: str = "") -> NetworkSource | None:
    """What the element of a disk, or of what it is copied to, names; None if it is no network disk. QEMU
    itself tells a target the id of its machine."""
    source = disk.find("source")
    if disk.get("type") != "network" or source is None:
        return None
    protocol, name = source.get("protocol", ""), source.get("name", "")
    named = f"{protocol} {name}"
    auth = next((found for each in (disk, source) if (found := each.find("auth")) is not None), None)
    why = _why_not(source, protocol, auth)
    if why:
        instead = _INSTEAD.get(protocol, "Move it to a file or block device of the host")
        return NetworkSource(named, None, why, f"{instead}; or exclude the disk.")
    if protocol == ISCSI:
        return NetworkSource(named, _of_iscsi(source, name, machine_id))
    return NetworkSource(named, _of_rbd(source, name, auth), secret=_secret(auth))


def _why_not(source: Element, protocol: str, auth: Element | None) -> str:
    if protocol not in _WHY_NOT:
        return "of network disks only iSCSI and RBD can be replicated"
    hosts = source.findall("host")
    if any(each.get("transport", "tcp") != "tcp" or not each.get("name") for each in hosts):
        return "it is not reached by TCP"
    if why := _WHY_NOT[protocol](source, hosts, auth):
        return why
    parts = ("snapshot", "encryption", "slices")
    if found := [name for name in parts if source.find(name) is not None]:
        return f"it has <{found[0]}>"
    return ""


def _why_not_iscsi(source: Element, hosts: list[Element], auth: Element | None) -> str:
    if auth is not None:
        return "it needs a password, which only libvirt has"
    if len(hosts) != 1:
        return "an iSCSI disk has one portal"
    return "" if _UNIT.fullmatch(source.get("name", "")) else "its name is not TARGET/UNIT"


def _why_not_rbd(source: Element, _hosts: list[Element], auth: Element | None) -> str:
    if auth is not None and _secret(auth) is None:
        return "its <auth> names no secret of libvirt"
    named = _IMAGE.fullmatch(source.get("name", ""))
    return "" if named else "its name is neither POOL/IMAGE nor POOL/NAMESPACE/IMAGE"


_WHY_NOT: Final[Mapping[str, Callable[[Element, list[Element], Element | None], str]]] = {
    ISCSI: _why_not_iscsi, RBD: _why_not_rbd,
}  # fmt: skip


def _of_iscsi(source: Element, name: str, machine_id: str) -> NetworkDisk:
    initiator = source.find("initiator/iqn")
    default = f"{INITIATOR}{machine_id}" if machine_id else ""
    user = default if initiator is None else initiator.get("name", "")
    return NetworkDisk(ISCSI, name if "/" in name else f"{name}/0", _servers(source, PORT), user)


def _of_rbd(source: Element, name: str, auth: Element | None) -> NetworkDisk:
    """Without a port Ceph tries its own two."""
    config = source.find("config")
    user = "" if auth is None else auth.get("username", "")
    conf = "" if config is None else config.get("file", "")
    return NetworkDisk(RBD, name, _servers(source, ""), user, conf)


def _secret(auth: Element | None) -> Secret | None:
    found = None if auth is None else auth.find("secret")
    if found is None or not (found.get("uuid") or found.get("usage")):
        return None
    return Secret(found.get("uuid", ""), found.get("usage", ""))


def _servers(source: Element, default_port: str) -> tuple[str, ...]:
    return tuple(_server(each, default_port) for each in source.iterfind("host"))


def _server(host: Element, default_port: str) -> str:
    name, port = host.get("name", ""), host.get("port") or default_port
    shown = f"[{name}]" if ":" in name else name
    return f"{shown}:{port}" if port else shown
