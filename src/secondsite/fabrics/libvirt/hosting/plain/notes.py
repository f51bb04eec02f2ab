"""What of a machine's hardware here its operator should know. Pure."""

from collections.abc import Collection, Iterator

from .....domain.machines.hardware import NAMES, Drive
from .....wire.common.machines import MachineDefinition
from .... import interface
from . import drives


def obstacles(definition: MachineDefinition, devices: Collection[str]) -> Iterator[interface.Obstacle]:
    """Why no disk of it could be attached here."""
    if definition.drives and drives.chosen(definition, devices) is None:
        wanted = ", ".join(NAMES[Drive(each)] for each in definition.drives if each in drives.ATTACHMENTS)
        yield interface.Obstacle(
            f"QEMU here has no hardware that the machine's system boots from: {wanted or 'none is known'}.",
            "Install a QEMU that has it, or put drivers of virtio into the machine's initramfs.",
        )


def chosen(definition: MachineDefinition, devices: Collection[str]) -> tuple[str, ...]:
    """What it gets in place of its own hardware, in words; empty if its platform names no drives."""
    found = drives.chosen(definition, devices)
    if found is None:
        return ()
    models = sorted({nic.model for nic in definition.nics})
    cards = f", cards of model {', '.join(models)}" if models else ""
    firmware = ", UEFI without Secure Boot" if definition.firmware == "uefi" else ""
    return (f"its own hardware (it has {found.name} for its disks{cards}{firmware})",)
