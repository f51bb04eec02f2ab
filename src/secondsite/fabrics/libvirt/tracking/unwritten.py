"""Finds out whether a running machine wrote anything since a checkpoint, from QEMU's description of the
checkpoint's bitmaps.

libvirt's public way to ask is the checkpoint's XML with sizes. But that takes two transactions that merge
bitmaps (libvirt 9.0, qemuCheckpointGetXMLDescUpdateSize); for each of them QEMU drains the guest's disks,
under a lock that delays other jobs. QEMU's `query-block`, which every view asks anyway, tells the same
during any job and changes nothing. A bitmap is marked before the guest hears that its write has ended, so
no mark means that no write had ended."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ... import interface
from ..host import domain_xml, inventory, monitor
from . import bitmaps, iothreads
from .image_identity import Identities


class WriteObserver:
    """Asks machines that may run. The caller makes each question within one call (see `connection.call`)."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._disks = KnownDisks()

    def of_its_own(
        self, domain: Any, keys: Sequence[str], base: str
    ) -> tuple[bool, interface.Unwritten | None]:
        """Whether the machine runs, and if so the answer of `Tracking.unwritten`. A view may follow, so it is
        checked that one would be safe."""
        iothreads.require_safe(domain, keys)
        if inventory.power_of(domain) is interface.PowerState.OFF:
            return False, None
        return True, self._since(domain, keys, base, anew=True)

    def in_a_round(self, handle: Any, asked: interface.AcknowledgedDisks) -> interface.Unwritten | None:
        """The answer of `Tracking.all_unwritten` for one machine; None for one that does not run."""
        domain = handle.lookupByUUIDString(asked.fabric_id)
        return self._since(domain, asked.disks, asked.base, anew=False)

    def forget(self, fabric_id: str) -> None:
        self._disks.forget(fabric_id)

    def _since(
        self, domain: Any, keys: Sequence[str], base: str, *, anew: bool
    ) -> interface.Unwritten | None:
        taken_at = datetime.now(UTC)
        seen = self._disks.look(domain, anew=anew)
        media, asked = seen.media, [disk for disk in seen.disks if disk.key in keys]
        if len(asked) != len(keys):
            return None
        if not all(_ours(media[disk.key]) == [base] and _is_clean(media[disk.key], base) for disk in asked):
            return None
        if not all(self._identities.unmoved(domain, disk, base) for disk in asked):
            return None
        return interface.Unwritten(
            taken_at,
            {disk.key: media[disk.key]["image"]["virtual-size"] for disk in asked},
            tuple(disk.key for disk in seen.disks),
        )


def _ours(medium: Mapping[str, Any]) -> list[str]:
    names = (bitmap.get("name", "") for bitmap in medium.get("dirty-bitmaps", ()))
    return [name for name in names if name.startswith(bitmaps.OURS)]


def _is_clean(medium: Mapping[str, Any], base: str) -> bool:
    return all(
        bitmap["count"] == 0 and bitmaps.is_whole(bitmap, medium)
        for bitmap in medium["dirty-bitmaps"]
        if bitmap.get("name") == base
    )


# A cache of the disks of running machines, valid as long as QEMU has the same drives. Formatting a definition
# costs libvirt a tenth of a question to QEMU, and machines that rest are looked at in every round. A drive
# that comes, goes, or gets another file or node makes the entry invalid. An entry is kept only if the
# definition and QEMU agree on each file: for a moment after a block job they do not.

Mark = tuple[object, ...]


class KnownDisks:
    """The cache. A machine's own look reads its definition; a round uses the cached one. Thread-safe: entries
    are replaced as a whole."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Mark, tuple[domain_xml.Disk, ...]]] = {}

    def look(self, domain: Any, *, anew: bool) -> bitmaps.RunningDisks:
        """As `bitmaps.look`, within one call of the caller. `anew`: read the definition even if it is
        cached."""
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
