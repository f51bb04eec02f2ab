"""Exclude a disk: it is left out from now on, whether it was protected, was added lately, or is gone.

Recovery points that contain it keep it. The target's copy of it is deleted with the last of these points.
"""

from collections.abc import Sequence

from ...domain import errors, shell
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ..steps import disks, replicating
from ..steps.disks import DisksArguments, MachineSnapshot
from ..steps.operation import unique
from ..store import MachineRecord


class ExcludeDisk(disks.DisksOperation):
    verb = Verb.EXCLUDE_DISK

    def refuse(self, machine: MachineRecord, named: Sequence[str]) -> None:
        if not set(machine.disks) - set(named):
            raise errors.InvalidArgument(
                f"No disk of {machine.name} would be left under protection.",
                do=(
                    "Disable its protection: 'secondsite machine disable-protection "
                    f"{shell.arguments(machine.name)}'."
                ),
            )

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("leave_out", self._leave_out, title="Leave out at the source"),
            Step("release", self._release, title="Release at the target"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine, named = self.machine(ctx), ctx.arguments(DisksArguments).disks
        found = self.source(ctx, machine).discover()
        known = [*machine.disks, *(disk.key for disk in found.disks)]
        if unknown := [key for key in named if key not in known]:
            raise errors.InvalidArgument(
                f"Machine '{machine.name}' has no disk {', '.join(unknown)}.",
                do=f"Its disks are {', '.join(unique(known))}.",
            )
        return Done(f"{', '.join(named)} of {machine.name} can be left out", MachineSnapshot(found=found))

    def _leave_out(self, ctx: StepContext) -> Outcome:
        before = disks.owned(self.machine(ctx), ctx)
        named = ctx.arguments(DisksArguments).disks
        kept = [key for key in before.disks if key not in named]
        return self.replicate(
            ctx, disks.changed(before, ctx.facts("check", MachineSnapshot).found, named, kept)
        )

    def _release(self, ctx: StepContext) -> Outcome:
        machine = disks.owned(self.machine(ctx), ctx)
        return replicating.create_replica(self.deps, self.target(ctx, machine)).done()
