"""The CPU models that machines can have on this host, according to libvirt, and how a machine is given
one."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from ....domain.machines import nearest
from ... import interface
from ..host import connection, domain_xml

MODES = frozenset({"host-model", "host-passthrough", "maximum"})
"""Modes that can stand for a name: what the host has, or can emulate."""


@dataclass(frozen=True, slots=True)
class CpuModels:
    """What libvirt and QEMU of a host know. `usable`: names of models with which guests can really run there,
    and modes that libvirt expands by itself; `known`: those besides that a definition may name."""

    usable: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


NONE = CpuModels()
"""Nothing is known of a host: each machine keeps its own."""


def here(hypervisor: connection.Hypervisor, kvm: bool) -> CpuModels:
    """Raises FabricError."""
    ask = hypervisor.handle.getDomainCapabilities
    text = connection.call(
        "reading which CPU models there are", ask, None, None, None, "kvm" if kvm else "qemu", 0
    )
    return read(text)


def read(capabilities: str) -> CpuModels:
    """The models in libvirt's domain capabilities."""
    root = domain_xml.parse(capabilities)
    modes = {str(each.get("name")) for each in root.findall("cpu/mode") if each.get("supported") == "yes"}
    custom = {str(each.text): each.get("usable") for each in root.findall("cpu/mode[@name='custom']/model")}
    usable = (modes & MODES) | {name for name, is_usable in custom.items() if is_usable == "yes"}
    return CpuModels(frozenset(usable), frozenset(custom))


def of_host(hypervisor: connection.Hypervisor) -> str | None:
    """The model that libvirt takes the host's processors for. Raises FabricError."""
    ask = hypervisor.handle.getCapabilities
    text = connection.call("reading which processors the host has", ask)
    return domain_xml.parse(text).findtext("host/cpu/model")


def named(root: Element) -> str | None:
    """The model that the definition names, if it names one."""
    cpu = root.find("cpu")
    if cpu is None or cpu.get("mode", "custom") != "custom":
        return None
    return (cpu.findtext("model") or "").strip() or None


def fit(root: Element, models: CpuModels) -> None:
    """Give a definition the nearest model that is usable here, in place of one that is not."""
    for _, nearest_here in _other(root, models):
        give(root, nearest_here)


def left_out(root: Element, models: CpuModels) -> tuple[str, ...]:
    """The model that was replaced, in words; empty if none was."""
    return tuple(f"the CPU model {model} (it is {instead})" for model, instead in _other(root, models))


def notes(root: Element, models: CpuModels) -> Iterator[interface.Obstacle]:
    for model, instead in _other(root, models):
        yield interface.Obstacle(
            (
                f"Machines cannot have the CPU model {model} here; here it has {instead}, the nearest "
                "that is here."
            ),
            (
                "Accept it, if a test failover shows that its programs take it; or give it that model at its "
                "site; or, once it is protected, set one: 'secondsite machine set MACHINE --cpu-model "
                "MODEL'."
            ),
            blocking=False,
        )


def _other(root: Element, models: CpuModels) -> Iterator[tuple[str, str]]:
    """The model of the definition and the nearest one, if it cannot be had here and another one can."""
    model = named(root)
    if model is not None and model not in models.usable and not _may_start(root, model, models):
        instead = nearest.cpu_model(model, models.usable)
        if instead is not None:
            yield model, instead


def _may_start(root: Element, model: str, models: CpuModels) -> bool:
    """Whether a model that is known, and not usable as it is, may start: with single features switched, or if
    nobody looks whether it has them all."""
    cpu = root.find("cpu")
    return (
        model in models.known
        and cpu is not None
        and (cpu.get("check") == "none" or cpu.find("feature") is not None)
    )


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
