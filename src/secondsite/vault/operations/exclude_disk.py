"""Exclude a disk: it is left out from now on, whether it was protected, was added lately, or is gone.

Recovery points that have it keep it. What the target holds of it goes with the last of these points.
"""

from collections.abc import Sequence

from ...domain import errors
from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire.machines import MachineDefinition
from .. import ports
from ..steps import disks
from ..steps.operation import unique

CHECK = "Prerequisites check"


class ExcludeDisk(disks.DisksOperation):
    verb = Verb.EXCLUDE_DISK

    def refuse(self, machine: ports.MachineRecord, named: Sequence[str]) -> None:
        if not set(machine.disks) - set(named):
            raise errors.InvalidArgument(
                f"No disk of {machine.name} would be left under protection.",
                do=f"Disable its protection: 'secondsite machine disable-protection {machine.name}'.",
            )

    def steps(self) -> Sequence[Step]:
        return (
            Step(CHECK, self._check),
            Step("Leave out at the source", self._leave_out),
            Step("Release at the target", self._release),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine, named = self.machine(ctx.subject), ctx.arguments["disks"]
        found = disks.discover(self.orders, ctx, machine)
        if isinstance(found, Wait):
            return found
        known = [*machine.disks, *(disk.key for disk in found.disks)]
        if unknown := [key for key in named if key not in known]:
            raise errors.InvalidArgument(
                f"Machine '{machine.name}' has no disk {', '.join(unknown)}.",
                do=f"Its disks are {', '.join(unique(known))}.",
            )
        return Done(
            f"{', '.join(named)} of {machine.name} can be left out",
            {"found": found.model_dump(mode="json")},
        )

    def _leave_out(self, ctx: StepContext) -> Outcome:
        before = disks.owned(self.machine(ctx.subject), ctx)
        found = MachineDefinition.model_validate(ctx.facts(CHECK)["found"])
        named = ctx.arguments["disks"]
        kept = [key for key in before.disks if key not in named]
        return self.replicate(ctx, disks.changed(before, found, named, kept))

    def _release(self, ctx: StepContext) -> Outcome:
        return self.replicating.create_replica(ctx, disks.owned(self.machine(ctx.subject), ctx))
