"""The CPU models that machines can have on this host, according to libvirt, and how a machine is given
one."""

from xml.etree.ElementTree import Element, SubElement

from ..host import connection, domain_xml

MODES = frozenset({"host-model", "host-passthrough", "maximum"})
"""Modes that can stand for a name: what the host has, or can emulate."""


def usable(hypervisor: connection.Hypervisor, kvm: bool) -> frozenset[str]:
    """Names of models, and modes that libvirt expands by itself. Raises FabricError."""
    ask = hypervisor.handle.getDomainCapabilities
    text = connection.call(
        "reading which CPU models there are", ask, None, None, None, "kvm" if kvm else "qemu", 0
    )
    return read(text)


def read(capabilities: str) -> frozenset[str]:
    """The models in libvirt's domain capabilities with which guests can really run here."""
    root = domain_xml.parse(capabilities)
    modes = {str(each.get("name")) for each in root.findall("cpu/mode") if each.get("supported") == "yes"}
    custom = root.findall("cpu/mode[@name='custom']/model")
    return frozenset((modes & MODES) | {str(each.text) for each in custom if each.get("usable") == "yes"})


def of_host(hypervisor: connection.Hypervisor) -> str | None:
    """The model that libvirt takes the host's processors for. Raises FabricError."""
    ask = hypervisor.handle.getCapabilities
    text = connection.call("reading which processors the host has", ask)
    return domain_xml.parse(text).findtext("host/cpu/model")


def give(root: Element, model: str | None) -> None:
    """Give a definition this model. Sockets and NUMA cells stay; switches of single features are removed,
    because they were made for the other model."""
    if model is None:
        return
    found = root.find("cpu")
    cpu = SubElement(root, "cpu") if found is None else found
    domain_xml.remove(cpu, "model", "vendor", "cache", "maxphysaddr")
    cpu.attrib.clear()
    if model in MODES:
        cpu.attrib.update({"mode": model, "check": "none" if model == "maximum" else "partial"})
        return
    cpu.attrib.update({"mode": "custom", "match": "exact", "check": "partial"})
    chosen = Element("model", {"fallback": "forbid"})
    chosen.text = model
    cpu.insert(0, chosen)
