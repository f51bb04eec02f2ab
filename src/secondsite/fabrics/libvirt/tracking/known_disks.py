"""The disks of running machines, as their definitions said them when QEMU had the drives that it has now.

To write a definition costs libvirt a tenth of a question to QEMU, and machines that rest are looked at in every round. A drive that comes,
goes, or gets another file or node is another drive. What a definition says is kept only while it and QEMU say the same of each file: for a
moment after a block job they do not."""

from collections.abc import Mapping
from typing import Any

from ..host import domain_xml, inventory, monitor
from . import bitmaps

Mark = tuple[object, ...]


class KnownDisks:
    """A look of a machine's own reads its definition; a round believes that one. Thread-safe: entries are replaced as a whole."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Mark, tuple[domain_xml.Disk, ...]]] = {}

    def look(self, domain: Any, *, anew: bool) -> bitmaps.RunningDisks:
        """As `bitmaps.look`, for a caller that makes it within one call. `anew`: the definition is read, whatever is known."""
        fabric_id, drives = domain.UUIDString(), monitor.drives(domain)
        mark = (domain.ID(), *map(_mark, drives))
        known = self._known.get(fabric_id)
        if not anew and known is not None and known[0] == mark:
            return bitmaps.RunningDisks.of(known[1], drives)
        seen = bitmaps.RunningDisks.of(inventory.live_disks(domain), drives)
        if all(_is_agreed(disk, seen.media[disk.key]) for disk in seen.disks):
            self._known[fabric_id] = mark, seen.disks
        else:
            self.forget(fabric_id)
        return seen

    def forget(self, fabric_id: str) -> None:
        self._known.pop(fabric_id, None)


def _mark(drive: Mapping[str, Any]) -> Mark:
    inserted = drive.get("inserted", {})
    layers = (inserted.get("file"), inserted.get("backing_file"), inserted.get("backing_file_depth"))
    return drive.get("qdev"), inserted.get("node-name"), *layers


def _is_agreed(disk: domain_xml.Disk, medium: Mapping[str, Any]) -> bool:
    return medium.get("file") == disk.path and bool(medium.get("backing_file_depth")) is disk.backed
