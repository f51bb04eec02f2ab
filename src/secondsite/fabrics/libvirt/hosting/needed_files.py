"""Finds what a machine's owner would lose with the files that it stands on now: its saved memory, and its
snapshots.

It is called before the files of a run are merged into the machine's own disks and removed."""

from collections.abc import Collection
from typing import Any

from ....domain import errors, power_states
from ...interface import PowerState
from ..host import connection, domain_xml, inventory, qemu_img

SHOWN = 4


def require_none(domain: Any, power: PowerState, disks: Collection[str]) -> None:
    """Raises NotPossibleNow if anything would be lost. `disks`: those that are not on the machine's own files
    yet; snapshots inside the own files stay."""
    if not disks:
        return
    power_states.obstacle(power, domain.name())
    names = [*connection.call("listing snapshots", domain.snapshotListNames), *_internal(domain, disks)]
    if names:
        named = ", ".join(dict.fromkeys(names[:SHOWN])) + (" and more" if len(names) > SHOWN else "")
        raise errors.NotPossibleNow(
            (
                f"'{domain.name()}' has snapshots ({named}) that need the files which it stands on now, and "
                "they would be lost with these."
            ),
            do="Revert to what you need, and delete them ('virsh snapshot-delete', 'qemu-img snapshot -d'); "
            "then commit again. The machine runs on meanwhile.",
        )


def _internal(domain: Any, disks: Collection[str]) -> list[str]:
    """Snapshots inside the images of these disks, which libvirt may not know of."""
    wanted = [
        disk
        for disk in domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
        if disk.path and disk.key in disks
    ]
    found: list[str] = []
    for disk in wanted:
        try:
            found += qemu_img.facts(disk.location, disk.read_as).snapshots
        except errors.SecondsiteError:
            continue
    return found
