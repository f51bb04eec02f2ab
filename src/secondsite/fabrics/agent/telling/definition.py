"""A machine as it is defined elsewhere, made of what its agent tells."""

from collections.abc import Iterator, Mapping, Sequence

from ....domain.machines.hardware import Drive
from ....wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition
from .hardware import hardware
from .machine import ToldMachine

KIND = "agent"
BUSES = {Drive.VIRTIO: "virtio", Drive.AHCI: "sata"}
"""How a guest sees disks at each drive; at the others it is scsi."""


def definition(agent_id: str, name: str, told: ToldMachine, keys: Mapping[str, str]) -> MachineDefinition:
    """The machine of this agent. `keys` are the names of its disks here (sda, sdb, ...) by the agent's own
    keys; a disk without one is left out. It stays the same as long as the machine does."""
    found = hardware(told)
    return MachineDefinition(
        fabric_id=agent_id,
        name=name,
        fabric_kind=KIND,
        vcpus=told.vcpus,
        memory_bytes=told.memory_bytes,
        firmware=told.firmware.kind,
        disks=tuple(_disks(told, keys, found.drives)),
        nics=tuple(NicDefinition(key=each.mac, mac=each.mac, model=found.card) for each in told.cards),
        drives=tuple(found.drives),
        native=told.model_dump_json(exclude={"looks"}, exclude_defaults=True),
    )


def _disks(told: ToldMachine, keys: Mapping[str, str], drives: Sequence[Drive]) -> Iterator[DiskDefinition]:
    bus = BUSES.get(drives[0], "scsi") if drives else "virtio"
    kept = [each for each in told.disks if each.key in keys]
    for order, each in enumerate(kept, start=1):
        yield DiskDefinition(
            key=keys[each.key], size_bytes=each.size_bytes, format="raw", bus=bus,
            boot_order=order,
        )  # fmt: skip
