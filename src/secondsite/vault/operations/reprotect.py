"""Reprotect: the failed-over machine is protected back to where it came from. Only changes travel.

The old machine is shut down (document 000 L21) and gives way: its definition is withdrawn, so that nobody can start
it while its disks are a replica. Direction turns when the new replica has its first point; until then everything
can be undone and tried again (document 000 L131).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...domain import errors, lifecycle
from ...domain.lifecycle import Event, Verb
from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.definitions import Definition, Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...jobs.views import JobView
from ...wire import checks, orders, rest
from ...wire.base import Shape
from ...wire.orders import Kind
from ...wire.replication import Base, SyncMode
from .. import ports
from ..steps import enrolment, synchronizing, targets
from ..steps.deps import Deps
from ..steps.operation import MachineOperation
from ..steps.replicating import Replicating


class Reprotect(MachineOperation):
    verb = Verb.REPROTECT
    cancelable = True
    undo_on_failure = True

    def __init__(self, deps: Deps) -> None:
        super().__init__(deps)
        self.replicating = Replicating(deps, self.orders)

    def definition(self) -> Definition:
        return replace(super().definition(), on_success=self._turn)

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        assert isinstance(request, rest.Reprotect)
        return {"location": request.location}

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Shut down", self._give_way),
            Step("Create replica", self._create_replica, undo=self._remove_replica, undo_after_failure=True),
            Step("Reverse replication", self._reverse, undo=self._stop, undo_after_failure=True),
            Step("Synchronize", self._synchronize),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        with self.deps.store.transaction() as tx:
            addresses = enrolment.data_addresses(tx, machine.source_appliance_id)
        ours = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.CHECK_SOURCE,
            checks.CheckSource(
                fabric_id=machine.target_fabric_id, peer_addresses=addresses, disks=machine.disks
            ),
            machine_id=machine.id,
            why=f"checking {machine.name} at {machine.target_site}",
        )
        if isinstance(ours, Wait):
            return ours
        theirs = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.CHECK_TARGET,
            checks.CheckTarget(encrypted=machine.encrypted and not _to_original(ctx)),
            machine_id=machine.id,
            why=f"checking {machine.source_site}",
        )
        if isinstance(theirs, Wait):
            return theirs
        obstacles = targets.obstacles_of(ours) + targets.obstacles_of(theirs)
        targets.require_none(obstacles, "Reprotecting", machine.name)
        where = "its own disks" if _to_original(ctx) else "new disks"
        return Done(f"{machine.name} can be protected back to {machine.source_site}, onto {where}")

    def _give_way(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.WITHDRAW,
            orders.Withdraw(fabric_id=machine.source_fabric_id),
            machine_id=machine.id,
            deadline_seconds=300,
            why=f"shutting down the old {machine.name} at {machine.source_site}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _create_replica(self, ctx: StepContext) -> Outcome:
        machine = turned(self.machine(ctx.subject))
        base = Base.EXISTING if _to_original(ctx) else Base.EMPTY
        return self.replicating.create_replica(ctx, machine, base, old_fabric_id=machine.target_fabric_id)

    def _remove_replica(self, ctx: StepContext) -> Outcome:
        return self.replicating.remove_replica(ctx, turned(self.machine(ctx.subject)), restore_machine=True)

    def _reverse(self, ctx: StepContext) -> Outcome:
        sync = SyncMode.COMPARE if _to_original(ctx) else SyncMode.COPY
        return self.replicating.start(ctx, turned(self.machine(ctx.subject)), sync)

    def _stop(self, ctx: StepContext) -> Outcome:
        return self.replicating.stop(ctx, turned(self.machine(ctx.subject)))

    def _synchronize(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        return synchronizing.wait(self.deps, machine, machine.epoch + 1, -1, deadline_seconds=30 * DAY)

    def _turn(self, session: Any, job: JobView) -> None:
        """Source and target change their roles, in the transaction that ends the job."""
        tx = self.deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.job_id != job.id:
            raise errors.Internal(f"Machine {machine.name} belongs to another job.")
        row = lifecycle.after(machine.state, Event.SUCCEEDED)
        tx.machines.put(replace(turned(machine), state=row.next, job_id=None))


def _to_original(ctx: StepContext) -> bool:
    return bool(ctx.arguments["location"] == "original")


def turned(machine: ports.MachineRecord) -> ports.MachineRecord:
    """The machine with source and target swapped, in a new epoch."""
    return replace(
        machine,
        source_site=machine.target_site,
        target_site=machine.source_site,
        source_appliance_id=machine.target_appliance_id,
        target_appliance_id=machine.source_appliance_id,
        source_fabric_id=machine.target_fabric_id,
        target_fabric_id=machine.source_fabric_id,
        epoch=machine.epoch + 1,
        failed_over_point_id=None,
        failed_over_forward=None,
        failed_over_at=None,
    )
