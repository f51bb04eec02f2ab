"""The choice of a machine's protected disks: what the verbs that change it share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...domain import errors, shell
from ...jobs.model.context import StepContext
from ...jobs.model.outcomes import Done
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.machines import DiskDefinition, MachineDefinition
from ...wire.common.sync_mode import SyncMode
from ..store import MachineRecord, Transaction
from . import replicating
from .operation import MachineOperation, unique


class DisksArguments(Shape):
    """The keys of the disks that the request named."""

    disks: tuple[str, ...]


class MachineSnapshot(Shape):
    """The machine as its site had it when the disks were chosen."""

    found: MachineDefinition


class DisksOperation(MachineOperation):
    """A verb that changes which disks of a machine are protected. Its request names `disks`."""

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> DisksArguments:
        assert isinstance(request, rest.IncludeDisk | rest.ExcludeDisk)
        self.refuse(machine, request.disks)
        return DisksArguments(disks=tuple(unique(request.disks)))

    def refuse(self, machine: MachineRecord, named: Sequence[str]) -> None:
        """Raises an error if the request is wrong, before there is a job."""
        raise TypeError(f"{type(self).__name__} does not implement refuse")

    def replicate(self, ctx: StepContext, machine: MachineRecord, facts: Shape | None = None) -> Done:
        """Let the source replicate these disks from now on, and record that; `facts` are the step's own."""
        answer = replicating.start(self.deps, self.source(ctx, machine), SyncMode.COMPARE)
        return Done(answer.sentence, facts, self.deps.commit(lambda tx: take_over(tx, ctx, machine)))


def changed(
    machine: MachineRecord, found: MachineDefinition, named: Sequence[str], disks: Sequence[str]
) -> MachineRecord:
    """The machine with `disks` protected. Its definition has the disks that somebody decided about, now or
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
    """The disk as it was described at the machine's home, with its present size."""
    known = before.get(key, seen.get(key))
    assert known is not None
    return known.model_copy(update={"size_bytes": seen[key].size_bytes}) if key in seen else known


def as_large_as(machine: MachineRecord, sizes: Mapping[str, int]) -> MachineRecord:
    """The machine with the sizes that its site reports for its disks: their owner may have enlarged them."""
    disks = tuple(
        each.model_copy(update={"size_bytes": sizes.get(each.key, each.size_bytes)})
        for each in machine.definition.disks
    )
    return replace(machine, definition=machine.definition.model_copy(update={"disks": disks}))


def note_sizes(machine_id: str, sizes: Mapping[str, int], tx: Transaction) -> None:
    """Update the record with these sizes."""
    tx.machines.put(as_large_as(tx.machines.get(machine_id), sizes))


def take_over(tx: Transaction, ctx: StepContext, wanted: MachineRecord) -> None:
    """Records the choice of disks; raises NotPossibleNow when another job has taken the machine."""
    machine = owned(tx.machines.get(wanted.id), ctx)
    tx.machines.put(replace(machine, disks=wanted.disks, definition=wanted.definition))


def owned(machine: MachineRecord, ctx: StepContext) -> MachineRecord:
    """The machine, if it still belongs to this job: a failover takes precedence over everything."""
    if machine.job_id != ctx.job_id:
        raise errors.NotPossibleNow(
            f"Another job has taken {machine.name} meanwhile; its disks are protected as before.",
            do=(
                f"See it with 'secondsite machine show {shell.arguments(machine.name)}', and start again "
                "once it is protected."
            ),
        )
    return machine
