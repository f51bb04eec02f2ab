"""How a replica and its replication begin and end, in whichever direction a machine is protected.

All functions take the machine in its future roles: as it is for enable, with source and target swapped for
reprotect.
"""

from ...wire.common.sync_mode import SyncMode
from ...wire.control.orders import Nothing
from ...wire.control.setups import Base, SourceSetup
from ..store import MachineRecord
from . import lookup
from .deps import Deps
from .sides.orders import Answer
from .sides.side import policy_shape, replica_setup
from .sides.source import Source
from .sides.target import Target


def create_replica(
    deps: Deps, target: Target, base: Base = Base.EMPTY, old_fabric_id: str | None = None
) -> Answer[Nothing]:
    """Create a replica at the target; EXISTING makes it from the disks of the old machine there."""
    with deps.store.reading() as tx:
        setup = replica_setup(
            tx, target.machine, base=base, existing_fabric_id=old_fabric_id, made_by=target.job_id
        )
    return target.prepare_replica(setup)


def start(deps: Deps, source: Source, sync: SyncMode, seeded: tuple[str, ...] = ()) -> Answer[Nothing]:
    """Start replication: the source replicates by itself from now on."""
    return source.start_replication(source_setup(deps, source.machine, sync, seeded))


def source_setup(
    deps: Deps, machine: MachineRecord, sync: SyncMode, seeded: tuple[str, ...] = ()
) -> SourceSetup:
    """What the source's appliance needs to replicate the machine."""
    with deps.store.reading() as tx:
        addresses = lookup.data_addresses(tx, machine.target_appliance_id)
        policy = policy_shape(tx, machine.policy)
    return SourceSetup(
        machine_id=machine.id,
        machine_name=machine.name,
        fabric_id=machine.source_fabric_id,
        epoch=machine.epoch,
        disks=machine.disks,
        target_appliance_id=machine.target_appliance_id,
        target_addresses=addresses,
        policy=policy,
        sync=sync,
        seeded=seeded,
        left_out=machine.left_out,
    )
