"""Gives a machine other vCPUs and other memory than its definition has. Pure except `capacity`: XML in, XML
out.

The layout of processors and memory in the definition was made for what the machine has at home; what does not
fit is removed.
"""

import math
from collections.abc import Callable
from xml.etree.ElementTree import Element

from ....ground.units import KiB, MiB
from ....wire.common.properties import Sizing
from ...capacity import Capacity
from ..host import connection, domain_xml

FREE = ("free", "buffers", "cached")
Unfit = Callable[[Element, Sizing], bool]


def _of_vcpus(_: Element, sizing: Sizing) -> bool:
    return sizing.vcpus is not None


def _of_memory(_: Element, sizing: Sizing) -> bool:
    return sizing.memory_bytes is not None


def _of_model(_: Element, sizing: Sizing) -> bool:
    return sizing.cpu_model is not None


def _of_topology(root: Element, sizing: Sizing) -> bool:
    """Whether the CPU topology must be removed; one that has as many places as there are vCPUs stays."""
    found = root.find("cpu/topology")
    if found is None or sizing.vcpus is None:
        return False
    parts = (found.get(name, "1") for name in ("sockets", "dies", "clusters", "cores", "threads"))
    return math.prod(int(part) if part.isdecimal() else 0 for part in parts) != sizing.vcpus


def _of_either(_: Element, sizing: Sizing) -> bool:
    return sizing.lays_out


LAID_OUT: tuple[tuple[str, str, Unfit], ...] = (
    ("CPU topology", "cpu/topology", _of_topology),
    ("CPU features", "cpu/feature", _of_model),
    ("NUMA cells", "cpu/numa", _of_either),
    ("NUMA placement", "numatune", _of_either),
    ("CPU pinning", "cputune/vcpupin", _of_vcpus),
    ("single vCPUs", "vcpus", _of_vcpus),
    ("limits of memory", "memtune", _of_memory),
    ("huge pages", "memoryBacking/hugepages", _of_memory),
    ("memory modules", "devices/memory", _of_either),
    ("room for memory modules", "maxMemory", _of_either),
)
"""Each part: its name in words, its path, and when it does not fit. Memory modules need NUMA cells."""


def left_out(root: Element, sizing: Sizing) -> tuple[str, ...]:
    """The parts of a definition that do not fit, in words."""
    return tuple(
        words for words, path, is_unfit in LAID_OUT if root.find(path) is not None and is_unfit(root, sizing)
    )


def apply(root: Element, sizing: Sizing) -> None:
    """Give the machine this number of vCPUs and this much memory."""
    for _, path, is_unfit in LAID_OUT:
        if is_unfit(root, sizing):
            parent, _, name = path.rpartition("/")
            for element in root.findall(parent) if parent else [root]:
                domain_xml.remove(element, name)
    if sizing.vcpus is not None:
        set_text(root, "vcpu", str(sizing.vcpus)).attrib = {}
    if sizing.memory_bytes is not None:
        set_memory(root, sizing.memory_bytes)


def set_text(root: Element, name: str, text: str) -> Element:
    """Set the text of a child of the domain, which is made if it is missing."""
    element = root.find(name)
    if element is None:
        element = Element(name)
        root.insert(0, element)
    element.text = text
    return element


def set_memory(root: Element, size_bytes: int) -> None:
    """Give the machine that much memory."""
    for name in ("memory", "currentMemory"):
        set_text(root, name, str(size_bytes // KiB)).attrib = {"unit": "KiB"}


def capacity(hypervisor: connection.Hypervisor) -> Capacity:
    """What the host has for machines; the cache counts as free memory. In a container two sources of that may
    disagree: the lower one counts."""
    handle = hypervisor.handle
    _, memory_mib, vcpus, *_ = connection.call("reading what the host has", handle.getInfo)
    memory = connection.call("reading what memory the host has free", handle.getMemoryStats, -1)
    free = sum(memory.get(name, 0) for name in FREE)
    whole = min(memory_mib * MiB, memory["total"] * KiB)
    return Capacity(vcpus, whole, min(free * KiB, whole))
