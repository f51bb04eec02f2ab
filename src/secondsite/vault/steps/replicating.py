"""The orders that begin and end a replica and its replication, for whichever way a machine is protected.

They take the machine in the roles that are to hold: as it is when it is enabled, turned when it is reprotected.
"""

from collections.abc import Callable
from typing import Any

from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import orders
from ...wire.orders import Kind
from ...wire.replication import Base, ReplicaSetup, SourceSetup, SyncMode
from .. import ports
from . import enrolment, targets
from .deps import Deps
from .ordering import Answer, Orders


class Replicating:
    """Each method is a step's work: done when the appliance has reported it."""

    def __init__(self, deps: Deps, give: Orders) -> None:
        self._deps = deps
        self._give = give

    def create_replica(
        self,
        ctx: StepContext,
        machine: ports.MachineRecord,
        base: Base = Base.EMPTY,
        old_fabric_id: str | None = None,
    ) -> Outcome:
        """The target holds a replica from now on; EXISTING makes it of the disks of the old machine there."""
        with self._deps.store.transaction() as tx:
            policy = targets.policy_shape(tx, machine.policy)
        setup = ReplicaSetup(
            machine_id=machine.id,
            machine_name=machine.name,
            epoch=machine.epoch,
            definition=machine.definition,
            disks=machine.disks,
            source_appliance_id=machine.source_appliance_id,
            policy=policy,
            base=base,
            existing_fabric_id=old_fabric_id,
            encrypted=machine.encrypted,
        )
        return _done(
            self._give.give(
                ctx,
                machine.target_appliance_id,
                Kind.PREPARE_REPLICA,
                setup,
                machine_id=machine.id,
                deadline_seconds=DAY,
                why=f"creating the replica at {machine.target_site}",
            )
        )

    def remove_replica(
        self, ctx: StepContext, machine: ports.MachineRecord, *, restore_machine: bool = False
    ) -> Outcome:
        return _done(
            self._give.give(
                ctx,
                machine.target_appliance_id,
                Kind.REMOVE_REPLICA,
                orders.RemoveReplica(restore_machine=restore_machine),
                machine_id=machine.id,
                why=f"removing the replica at {machine.target_site}",
            )
        )

    def start(
        self,
        ctx: StepContext,
        machine: ports.MachineRecord,
        sync: SyncMode,
        seeded: tuple[str, ...] = (),
        commit: Callable[[Any], None] | None = None,
    ) -> Outcome:
        """The source replicates by itself from now on; `commit` joins the transaction that records it."""
        with self._deps.store.transaction() as tx:
            addresses = enrolment.data_addresses(tx, machine.target_appliance_id)
            policy = targets.policy_shape(tx, machine.policy)
        setup = SourceSetup(
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
        return _done(
            self._give.give(
                ctx,
                machine.source_appliance_id,
                Kind.START_REPLICATION,
                setup,
                machine_id=machine.id,
                why=f"starting replication at {machine.source_site}",
            ),
            commit,
        )

    def stop(self, ctx: StepContext, machine: ports.MachineRecord) -> Outcome:
        return _done(
            self._give.give(
                ctx,
                machine.source_appliance_id,
                Kind.STOP_REPLICATION,
                orders.StopReplication(forget=True),
                machine_id=machine.id,
                why=f"stopping replication at {machine.source_site}",
            )
        )


def _done(answer: Answer | Wait, commit: Callable[[Any], None] | None = None) -> Outcome:
    return answer if isinstance(answer, Wait) else Done(answer.sentence, commit=commit)
