"""Refuses a place that is somebody's already: of any machine of the host, also one that was withdrawn.

Places are compared by the files and devices that they are: a device has as many paths as somebody makes nodes
for it, and what a disk stands on is in no definition."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from ....datapath.disks import same_files
from ....domain import errors
from ..host import connection, domain_xml, inventory, withdrawn_disks
from .destinations import Destination


def require_free(hypervisor: connection.Hypervisor, place: Destination, moves: Mapping[str, str]) -> None:
    """Raises NotPossibleNow for a device that would be overwritten. `moves`: the places that other moves
    under way copy to, with their machines."""
    if place.made:
        return
    for path, whose in _taken(hypervisor, moves):
        if same_files.overlap(place.path, path) or path == withdrawn_disks.known_as(place.path):
            raise errors.NotPossibleNow(
                f"{place.path} is {whose}, so nothing is copied to it.", do="Give another device."
            )


def _taken(hypervisor: connection.Hypervisor, moves: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Paths that are somebody's, and what is there."""
    for domain in hypervisor.domains():
        yield from _of(domain)
    for path, machine in moves.items():
        yield path, f"where a disk of machine {machine} is being moved to"
    for path, machine in withdrawn_disks.all_paths():
        yield path, f"a disk of machine {machine}, which was withdrawn from this host"


def _of(domain: Any) -> Iterator[tuple[str, str]]:
    now, kept = (domain_xml.parse(read(domain)) for read in (inventory.live_xml, inventory.definition_xml))
    disks = inventory.holding(now, kept).disks
    yield from _all(f"a disk of '{domain.name()}'", (disk.path for disk in disks))
    files = (file for disk in disks for file in (*disk.below, *same_files.below(disk.path, disk.format)))
    yield from _all(f"below a disk of '{domain.name()}'", files)
    yield from _all(f"named in the definition of '{domain.name()}'", (*_named(now), *_named(kept)))


def _all(whose: str, paths: Iterable[object]) -> Iterator[tuple[str, str]]:
    return ((str(path), whose) for path in paths if path)


def _named(root: Element) -> Iterator[str]:
    """Whatever else a machine has, such as its UEFI variables or what a tool of its owner added."""
    for element in root.iter():
        told = (*element.attrib.values(), (element.text or "").strip())
        yield from (each for each in told if each.startswith("/"))
