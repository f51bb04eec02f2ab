"""Include a disk: one that was added later, or left out, is protected from now on. Only it is copied.

Cycles and recovery points of the other disks go on meanwhile; points have the new disk once its copy is whole.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...domain import errors
from ...domain.lifecycle import Verb
from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import checks
from ...wire.machines import MachineDefinition
from ...wire.orders import Kind
from .. import ports
from ..steps import disks, synchronizing, targets

CHECK, REPLICA, ENABLE, INITIAL = (
    "Prerequisites check",
    "Extend replica",
    "Enable replication",
    "Initial replication",
)


class IncludeDisk(disks.DisksOperation):
    verb = Verb.INCLUDE_DISK

    def refuse(self, machine: ports.MachineRecord, named: Sequence[str]) -> None:
        known = [key for key in named if key in machine.disks]
        if known:
            raise errors.AlreadyExists(
                f"Disk {', '.join(known)} of {machine.name} is protected already.",
                do=f"See it with 'secondsite machine show {machine.name}'.",
            )

    def steps(self) -> Sequence[Step]:
        return (
            Step(CHECK, self._check),
            Step(REPLICA, self._extend),
            Step(ENABLE, self._enable),
            Step(INITIAL, self._wait),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine, named = self.machine(ctx.subject), ctx.arguments["disks"]
        found = disks.discover(self.orders, ctx, machine)
        if isinstance(found, Wait):
            return found
        sizes = {disk.key: disk.size_bytes for disk in found.disks}
        if missing := [key for key in named if key not in sizes]:
            raise errors.InvalidArgument(
                f"Machine '{machine.name}' has no disk {', '.join(missing)}.",
                do=f"Its disks are {', '.join(sizes)}. One that it has only until it stops cannot be protected: attach "
                "it for good.",
            )
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.CHECK_SOURCE,
            checks.CheckSource(fabric_id=machine.source_fabric_id, disks=tuple(named)),
            machine_id=machine.id,
            why=f"checking {machine.name} at {machine.source_site}",
        )
        if isinstance(answer, Wait):
            return answer
        targets.require_none(targets.obstacles_of(answer), "Including a disk", machine.name)
        named_bytes = sum(sizes[key] for key in named)
        return Done(
            f"{', '.join(named)} of {machine.name} can be protected: {named_bytes / 2**30:.2f} GiB",
            {"found": found.model_dump(mode="json")},
        )

    def _wanted(self, ctx: StepContext) -> ports.MachineRecord:
        """The machine as it is protected once the job is through."""
        machine = disks.owned(self.machine(ctx.subject), ctx)
        found = MachineDefinition.model_validate(ctx.facts(CHECK)["found"])
        named = ctx.arguments["disks"]
        return disks.changed(machine, found, named, (*machine.disks, *named))

    def _extend(self, ctx: StepContext) -> Outcome:
        return self.replicating.create_replica(ctx, self._wanted(ctx))

    def _enable(self, ctx: StepContext) -> Outcome:
        machine = self._wanted(ctx)
        if "after_seq" not in ctx.remembered:
            ctx.remember(
                after_seq=synchronizing.newest_seq(self.deps, machine),
                sent_before=synchronizing.sent_bytes(self.deps, machine),
            )
        started = self.replicate(ctx, machine)
        return replace(started, facts=ctx.remembered) if isinstance(started, Done) else started

    def _wait(self, ctx: StepContext) -> Outcome:
        machine, began = self.machine(ctx.subject), ctx.facts(ENABLE)
        return synchronizing.wait(
            self.deps,
            machine,
            machine.epoch,
            int(began["after_seq"]),
            deadline_seconds=30 * DAY,
            sent_before=int(began["sent_before"]),
            with_disks=ctx.arguments["disks"],
        )
