"""How a disk names a place that its QEMU reaches over the network: an image in a storage pool of the kind
'rbd', or an iSCSI disk.

libvirt: https://libvirt.org/storage.html#rbd-pool. A pool and a disk name the cluster's monitors and user
alike, but that a disk's definition says of what kind the secret is."""

from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from ....datapath.disks import NetworkDisk
from ....domain import errors
from ..host import domain_xml, network_access, network_sources

RBD: Final = network_sources.RBD
ISCSI: Final = network_sources.ISCSI


def image(handle: Any, pool: Element, name: str) -> tuple[str, str]:
    """As what a record names the image, and the element of a definition that does. Raises FabricError if
    nothing of ours could read it, as with a private secret, and NotPossibleNow."""
    source = Element("source", {"protocol": RBD, "name": f"{pool.findtext('source/name', '')}/{name}"})
    for host in pool.iterfind("source/host"):
        SubElement(source, "host", dict(host.attrib))
    auth, secret = pool.find("source/auth"), pool.find("source/auth/secret")
    if auth is not None and secret is not None:
        user = SubElement(source, "auth", {"username": auth.get("username", "")})
        SubElement(user, "secret", {"type": "ceph", **secret.attrib})
    found, disk = _read(source, f"the storage pool '{pool.findtext('name', '')}'")
    network_access.reachable(handle, found, disk)
    return str(disk), domain_xml.render(source)


def iscsi(place: str) -> tuple[NetworkDisk, str] | None:
    """The disk that iscsi://HOST:PORT/TARGET/UNIT names, and the element of a definition that does; None for
    other places. Raises NotPossibleNow."""
    named = NetworkDisk.parse(place)
    if named is None or named.driver != ISCSI:
        return None
    source = Element("source", {"protocol": ISCSI, "name": named.name})
    for server in named.servers:
        host, _, port = server.rpartition(":")
        SubElement(source, "host", {"name": host.strip("[]"), "port": port})
    return _read(source, place)[1], domain_xml.render(source)


def _read(source: Element, place: str) -> tuple[network_sources.NetworkSource, NetworkDisk]:
    element = Element("disk", {"type": "network"})
    element.append(source)
    found = network_sources.read(element)
    if found is None or found.disk is None:
        raise errors.NotPossibleNow(
            f"A disk in {place} could not be replicated: {'' if found is None else found.why}.",
            do="Give another place.",
        )
    return found, found.disk
