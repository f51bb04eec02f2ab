"""How a disk names its image in a storage pool of the kind 'rbd'.

libvirt: https://libvirt.org/storage.html#rbd-pool. A pool and a disk name the cluster's monitors and user
alike, but that a disk's definition says of what kind the secret is."""

from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from ....domain import errors
from ..host import domain_xml, network_access, network_sources

RBD: Final = network_sources.RBD


def image(handle: Any, pool: Element, name: str) -> tuple[str, str]:
    """As what a record names the image, and the element of a definition that does. Raises FabricError if
    nothing of ours could read it, as with a private secret, and NotPossibleNow."""
    element = Element("disk", {"type": "network"})
    source = SubElement(element, "source", {"protocol": RBD, "name": f"{_pool(pool)}/{name}"})
    for host in pool.iterfind("source/host"):
        SubElement(source, "host", dict(host.attrib))
    auth, secret = pool.find("source/auth"), pool.find("source/auth/secret")
    if auth is not None and secret is not None:
        user = SubElement(source, "auth", {"username": auth.get("username", "")})
        SubElement(user, "secret", {"type": "ceph", **secret.attrib})
    found = network_sources.read(element)
    if found is None or found.disk is None:
        raise errors.NotPossibleNow(
            f"A disk in the storage pool '{pool.findtext('name', '')}' could not be replicated: "
            f"{'' if found is None else found.why}.",
            do="Give another place.",
        )
    network_access.reachable(handle, found, found.disk)
    return str(found.disk), domain_xml.render(source)


def _pool(pool: Element) -> str:
    """Ceph's own name of it."""
    return pool.findtext("source/name", "")
