"""Which of a machine's disks are protected: what verbs that change it have in common."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...domain import errors
from ...jobs.context import StepContext
from ...jobs.outcomes import Outcome, Wait
from ...wire import orders, rest
from ...wire.base import Shape
from ...wire.machines import DiskDefinition, MachineDefinition
from ...wire.orders import Kind
from ...wire.replication import SyncMode
from .. import ports
from . import enrolment
from .deps import Deps
from .operation import MachineOperation, unique
from .ordering import Orders
from .replicating import Replicating


class DisksOperation(MachineOperation):
    """A verb that changes which disks of a machine are protected. Its request names `disks`."""

    def __init__(self, deps: Deps) -> None:
        super().__init__(deps)
        self.replicating = Replicating(deps, self.orders)

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        assert isinstance(request, rest.IncludeDisk | rest.ExcludeDisk)
        self.refuse(machine, request.disks)
        return {"disks": unique(request.disks)}

    def refuse(self, machine: ports.MachineRecord, named: Sequence[str]) -> None:
        """Raises what is wrong with the request, before there is a job."""
        raise TypeError(f"{type(self).__name__} refuses nothing")

    def replicate(self, ctx: StepContext, machine: ports.MachineRecord) -> Outcome:
        """The source replicates these disks from now on, and that is on record."""
        return self.replicating.start(
            ctx,
            machine,
            SyncMode.COMPARE,
            commit=lambda session: take_over(self.deps, session, ctx, machine),
        )


def discover(give: Orders, ctx: StepContext, machine: ports.MachineRecord) -> MachineDefinition | Wait:
    """The machine as its site has it now; raises NotFound."""
    answer = give.give(
        ctx,
        machine.source_appliance_id,
        Kind.DISCOVER,
        orders.Nothing(),
        why=f"looking at {machine.name} at {machine.source_site}",
    )
    if isinstance(answer, Wait):
        return answer
    inventory = orders.Inventory.model_validate(answer.facts)
    return enrolment.find_machine(inventory, machine.source_fabric_id, machine.source_site).definition


def changed(
    machine: ports.MachineRecord, found: MachineDefinition, named: Sequence[str], disks: Sequence[str]
) -> ports.MachineRecord:
    """The machine with `disks` protected. Its definition knows the disks that were decided about: those named now and
    before, not others that appeared meanwhile."""
    seen = {disk.key: disk for disk in found.disks}
    before = {disk.key: disk for disk in machine.definition.disks}
    decided = [*before, *(key for key in seen if key in named and key not in before)]
    kept = [_described(key, before, seen) for key in decided if key in seen or key in disks]
    ordered = tuple(disk.key for disk in kept if disk.key in disks)
    return replace(
        machine, disks=ordered, definition=machine.definition.model_copy(update={"disks": tuple(kept)})
    )


def _described(
    key: str, before: dict[str, DiskDefinition], seen: dict[str, DiskDefinition]
) -> DiskDefinition:
    """As it was described at the machine's home, with the size that it has now."""
    known = before.get(key, seen.get(key))
    assert known is not None
    return known.model_copy(update={"size_bytes": seen[key].size_bytes}) if key in seen else known


def take_over(deps: Deps, session: Any, ctx: StepContext, wanted: ports.MachineRecord) -> None:
    """The choice of disks is on record; raises NotPossibleNow when another job has taken the machine."""
    tx = deps.store.within(session)
    machine = owned(tx.machines.get(wanted.id), ctx)
    tx.machines.put(replace(machine, disks=wanted.disks, definition=wanted.definition))


def owned(machine: ports.MachineRecord, ctx: StepContext) -> ports.MachineRecord:
    """The machine, if it still belongs to this job: a failover goes before everything."""
    if machine.job_id != ctx.job_id:
        raise errors.NotPossibleNow(
            f"Another job has taken {machine.name} meanwhile; its disks are protected as before.",
            do=f"See it with 'secondsite machine show {machine.name}', and start again once it is protected.",
        )
    return machine
