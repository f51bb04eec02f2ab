"""Include a disk: one that was added later, or left out, is protected from now on. Only this disk is copied.

Cycles and recovery points of the other disks go on meanwhile; points contain the new disk once its copy is
complete.
"""

from collections.abc import Sequence

from ...domain import errors, shell
from ...domain.amounts import exact_size
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ..steps import disks, obstacles, replicating, synchronization
from ..steps.disks import DisksArguments, MachineSnapshot
from ..steps.synchronization import ReplicaState
from ..store import MachineRecord


class IncludeDisk(disks.DisksOperation):
    verb = Verb.INCLUDE_DISK

    def refuse(self, machine: MachineRecord, named: Sequence[str]) -> None:
        known = [key for key in named if key in machine.disks]
        if known:
            raise errors.AlreadyExists(
                f"Disk {', '.join(known)} of {machine.name} is protected already.",
                do=f"See it with 'secondsite machine show {shell.arguments(machine.name)}'.",
            )

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("extend_replica", self._extend, title="Extend replica"),
            Step("enable_replication", self._enable, title="Enable replication"),
            Step("initial_replication", self._initial_replication, title="Initial replication"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        source, named = self.source(ctx), ctx.arguments(DisksArguments).disks
        name, found = source.machine.name, source.discover()
        sizes = {disk.key: disk.size_bytes for disk in found.disks}
        if missing := [key for key in named if key not in sizes]:
            raise errors.InvalidArgument(
                f"Machine '{name}' has no disk {', '.join(missing)}.",
                do=f"Its disks are {', '.join(sizes)}. A disk that is attached only until the machine stops "
                "cannot be protected: attach it permanently.",
            )
        obstacles.require_none("Including a disk", name, source.check(named).facts)
        named_bytes = sum(sizes[key] for key in named)
        return Done(
            f"{', '.join(named)} of {name} can be protected: {exact_size(named_bytes)}",
            MachineSnapshot(found=found),
        )

    def _wanted(self, ctx: StepContext) -> MachineRecord:
        """The machine's record as it will be when the job is done."""
        machine = disks.owned(self.machine(ctx), ctx)
        named = ctx.arguments(DisksArguments).disks
        return disks.changed(
            machine, ctx.facts("check", MachineSnapshot).found, named, (*machine.disks, *named)
        )

    def _extend(self, ctx: StepContext) -> Outcome:
        return replicating.create_replica(self.deps, self.target(ctx, self._wanted(ctx))).done()

    def _enable(self, ctx: StepContext) -> Outcome:
        machine = self._wanted(ctx)
        return self.replicate(ctx, machine, synchronization.remembered_before(self.deps, ctx, machine))

    def _initial_replication(self, ctx: StepContext) -> Outcome:
        machine, before = self.machine(ctx), ctx.facts("enable_replication", ReplicaState)
        named = ctx.arguments(DisksArguments).disks
        return synchronization.await_while_both_are_there(self.orders, ctx, machine, before, named)
