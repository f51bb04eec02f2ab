"""Removes parts of a definition that older releases of libvirt do not know and would refuse: the machine also
runs without them. Pure: XML in, XML out.

libvirt counts 9.1.0 as 9001000. From 9.1 on it writes a watchdog into every machine of type q35 by itself."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ... import interface

ANY = 2**31 - 1
SINCE: tuple[tuple[str, str, int], ...] = (
    ("the watchdog of its chip set (itco)", "devices/watchdog[@model='itco']", 9_001_000),
    ("the panic device 'pvpanic'", "devices/panic[@model='pvpanic']", 9_001_000),
    ("the sound device 'virtio'", "devices/sound[@model='virtio']", 10_004_000),
    ("the switch for errors of memory (ras)", "features/ras", 10_004_000),
    ("the switch for PS/2 (ps2)", "features/ps2", 10_007_000),
    ("Hyper-V's emsr_bitmap", "features/hyperv/emsr_bitmap", 10_007_000),
    ("Hyper-V's xmm_input", "features/hyperv/xmm_input", 10_007_000),
    ("groups of I/O limits (throttlegroups)", "throttlegroups", 11_002_000),
    ("groups of I/O limits (throttlegroups)", "devices/disk/throttlefilters", 11_002_000),
)
"""Each part: its name in words, its path, and the first release that knows it."""


def leave_out(root: Element, libvirt: int) -> None:
    for _, path, since in SINCE:
        if libvirt < since:
            place, _, name = path.rpartition("/")
            for parent in root.findall(place) if place else [root]:
                for element in parent.findall(name):
                    parent.remove(element)


def left_out(root: Element, libvirt: int) -> tuple[str, ...]:
    """The parts that were left out, in words."""
    found = (words for words, path, since in SINCE if libvirt < since and root.find(path) is not None)
    return tuple(dict.fromkeys(found))


def notes(root: Element, libvirt: int) -> Iterator[interface.Obstacle]:
    found = left_out(root, libvirt)
    if found:
        yield interface.Obstacle(
            (
                "libvirt here is older than that of the machine's site and does not know "
                f"{', '.join(found)}; here it runs without."
            ),
            "Accept it, or use the same release at both sites.",
            blocking=False,
        )
