"""The machines of the first site, as large in an inventory as those of libvirt."""

from __future__ import annotations

import uuid

from secondsite.ground.units import GiB
from secondsite.wire.common.machines import (
    DiscoveredMachine,
    DiskDefinition,
    MachineDefinition,
    NicDefinition,
    PowerState,
)
from secondsite.wire.control.orders import Inventory

NAMESPACE = uuid.UUID("6f1f4c06-6d0d-4c4e-9a52-0f7d0a7f2b11")
NATIVE_BYTES = 4400
"""Of the domain XML of a machine with two disks and one card."""


def names(count: int) -> tuple[str, ...]:
    return tuple(f"vm{number:04d}" for number in range(count))


def inventory(count: int) -> Inventory:
    """All machines of the site that has them."""
    return Inventory(machines=tuple(_machine(name) for name in names(count)), networks=())


def _machine(name: str) -> DiscoveredMachine:
    fabric_id = str(uuid.uuid5(NAMESPACE, name))
    return DiscoveredMachine(
        fabric_id=fabric_id, name=name, power=PowerState.RUNNING, tag=None,
        definition=_definition(fabric_id, name)
    )  # fmt: skip


def _definition(fabric_id: str, name: str) -> MachineDefinition:
    disks = tuple(
        DiskDefinition(key=key, size_bytes=64 * GiB, path=f"/var/lib/images/{name}-{key}.qcow2")
        for key in ("vda", "vdb")
    )
    card = NicDefinition(key="net0", mac=":".join(("52", "54", "00", *_pairs(fabric_id[:6]))), network="lan")
    return MachineDefinition(
        fabric_id=fabric_id, name=name, fabric_kind="simulated", vcpus=4, memory_bytes=8 * GiB, disks=disks,
        nics=(card,),
        native=f"<domain><name>{name}</name>{'<!-- -->' * (NATIVE_BYTES // 8)}</domain>",
    )  # fmt: skip


def _pairs(digits: str) -> list[str]:
    return [digits[at : at + 2] for at in range(0, len(digits), 2)]
