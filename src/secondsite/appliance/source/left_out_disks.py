"""The disks of a machine that are left out of its points, and what fills them: the other site, which never
sees them, may have to put an empty disk in the place of each."""

from ...datapath.disks import file_system
from ...domain import errors
from ...fabrics.interface import Fabric
from ...wire.common.machines import (
    MOST_LEFT_OUT,
    DiskDefinition,
    FileSystemShape,
    LeftOutDisk,
    MachineDefinition,
)
from .machine import LeftOutLook, Source

LOOK_CYCLES = 100
"""How many cycles lie between two looks: each starts a program for each disk, and what is there seldom
changes."""


def described(fabric: Fabric, source: Source, definition: MachineDefinition) -> MachineDefinition:
    """The definition with the disks that are left out by choice; what fills them is looked at now and then,
    and nothing fails by it."""
    disks = tuple(disk for disk in definition.disks if disk.key in source.setup.left_out)[:MOST_LEFT_OUT]
    if not disks:
        return definition
    seq, seen = source.progress.next_seq, source.left_out
    if seen is None or seen.disks != disks or not 0 <= seq - seen.seq < LOOK_CYCLES:
        seen = LeftOutLook(
            seq, disks, tuple(_looked_at(fabric, source.setup.fabric_id, disk) for disk in disks)
        )
        source.left_out = seen
    return definition.model_copy(update={"left_out": seen.found})


def _looked_at(fabric: Fabric, fabric_id: str, disk: DiskDefinition) -> LeftOutDisk:
    return LeftOutDisk(**dict(disk), file_system=_fills(fabric, fabric_id, disk.key))


def _fills(fabric: Fabric, fabric_id: str, key: str) -> FileSystemShape | None:
    try:
        head = fabric.inventory.beginning(fabric_id, key, file_system.HEAD_BYTES)
    except errors.SecondsiteError:
        return None
    found = file_system.told(head)
    if found is None:
        return None
    return FileSystemShape(
        kind=found.kind, uuid=found.uuid, label=found.label, block_bytes=found.block_bytes,
        features=found.features,
    )  # fmt: skip
