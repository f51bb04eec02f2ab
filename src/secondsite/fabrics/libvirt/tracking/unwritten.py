"""Whether a running machine wrote anything since a checkpoint, from what QEMU says of the checkpoint's bitmaps.

libvirt's public way to ask is the checkpoint's XML with sizes. But that takes two transactions that merge bitmaps
(libvirt 9.0, qemuCheckpointGetXMLDescUpdateSize); for each of them QEMU drains the guest's disks, under a lock that
delays other jobs. QEMU's `query-block`, which every view asks anyway, tells the same during any job and changes
nothing. A bitmap is marked before the guest hears that its write has ended, so no mark means that no write had
ended."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ... import interface
from ..host import domain_xml
from . import bitmaps


def since(
    domain: Any, keys: Sequence[str], base: str, unmoved: Callable[[domain_xml.Disk], bool]
) -> interface.Unwritten | None:
    """As `Tracking.unwritten`. `unmoved` tells whether a disk's file is the one that the base's bitmap belongs to."""
    taken_at = datetime.now(UTC)
    seen = bitmaps.look(domain)
    media, asked = seen.media, [disk for disk in seen.disks if disk.key in keys]
    if len(asked) != len(keys):
        return None
    if not all(_ours(media[disk.key]) == [base] and _is_clean(media[disk.key], base) for disk in asked):
        return None
    if not all(unmoved(disk) for disk in asked):
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
        bitmap["count"] == 0 and bitmaps.is_whole(bitmap)
        for bitmap in medium["dirty-bitmaps"]
        if bitmap.get("name") == base
    )
