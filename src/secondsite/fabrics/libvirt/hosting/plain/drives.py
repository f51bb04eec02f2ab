"""What the disks of a machine are attached to here: the first of what its own system boots from that this
host's QEMU has. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .....domain.machines.hardware import NAMES, Drive
from .....wire.common.machines import MachineDefinition

TARGETS = 7
"""Disks at one controller. libvirt gives no target above 7, and a disk needs one of its own: pvscsi has no
second unit at a target."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """`bus` and `controller` are libvirt's words, `device` is QEMU's."""

    name: str
    bus: str
    device: str
    controller: str = ""

    @property
    def wants_q35(self) -> bool:
        """Whether the chip set must have it by itself."""
        return self.bus == "sata"


ATTACHMENTS: Mapping[str, Attachment] = {
    Drive.VIRTIO: Attachment(NAMES[Drive.VIRTIO], "virtio", "virtio-blk-pci"),
    Drive.VIRTIO_SCSI: Attachment(NAMES[Drive.VIRTIO_SCSI], "scsi", "virtio-scsi-pci", "virtio-scsi"),
    Drive.PVSCSI: Attachment(NAMES[Drive.PVSCSI], "scsi", "pvscsi", "vmpvscsi"),
    Drive.AHCI: Attachment(NAMES[Drive.AHCI], "sata", "ich9-ahci"),
    Drive.MEGARAID: Attachment(NAMES[Drive.MEGARAID], "scsi", "megasas", "lsisas1078"),
}


def chosen(definition: MachineDefinition, devices: Collection[str]) -> Attachment | None:
    """The best that this host has; None if it has none, or if the platform named no drives. `devices`: what
    QEMU has here; empty: not known."""
    known = (ATTACHMENTS[each] for each in definition.drives if each in ATTACHMENTS)
    return next((each for each in known if not devices or each.device in devices), None)


def address(number: int) -> Mapping[str, str]:
    """Where the disk with this number, from 0 on, is attached at SCSI controllers."""
    controller, target = divmod(number, TARGETS)
    return {
        "type": "drive", "controller": str(controller), "bus": "0", "target": str(target), "unit": "0",
    }  # fmt: skip
