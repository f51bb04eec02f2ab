"""What an appliance is told of a replica that it has, or is to have."""

from ....domain import errors
from ....wire.common.policies import PolicyShape
from ....wire.control.setups import Base, ReplicaSetup
from ...store import MachineRecord, Transaction


def replica_setup(
    tx: Transaction,
    machine: MachineRecord,
    base: Base = Base.EMPTY,
    existing_fabric_id: str | None = None,
    made_by: str | None = None,
) -> ReplicaSetup:
    """Of the machine in the roles that it has, or will have; raises NotFound."""
    return ReplicaSetup(
        machine_id=machine.id,
        machine_name=machine.name,
        epoch=machine.epoch,
        definition=machine.definition,
        disks=machine.disks,
        source_appliance_id=machine.source_appliance_id,
        policy=policy_shape(tx, machine.policy),
        encrypted=machine.encrypted,
        keeping=machine.kept,
        base=base,
        existing_fabric_id=existing_fabric_id,
        made_by=made_by,
    )


def of_a_replica_that_lies_there(tx: Transaction, machine: MachineRecord) -> ReplicaSetup:
    """Told again, none is made. After a reprotect it stands on the old disks of the machine that came from there."""
    came_from = machine.target_fabric_id if machine.epoch > 1 else None
    return replica_setup(tx, machine, existing_fabric_id=came_from).model_copy(update={"lies_here": True})


def policy_shape(tx: Transaction, name: str) -> PolicyShape:
    """The policy as appliances want it; raises NotFound."""
    policy = tx.policies.find(name)
    if policy is None:
        raise errors.NotFound.named("policy", name)
    return PolicyShape.of(policy)
