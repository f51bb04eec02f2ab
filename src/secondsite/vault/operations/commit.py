"""Commit: the operator accepts the failed-over machine. Its point is kept, the others are deleted.

To commit a failback, the machine at the site that was left is removed; its disks stay there, so that the next
reprotect sends only changes (S-164).
"""

from collections.abc import Sequence

from ...domain import errors
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire.common.points import started_from
from ..steps.operation import MachineOperation


class Commit(MachineOperation):
    verb = Verb.COMMIT

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("commit", self._commit, title="Commit"),
            Step("remove_left", self._remove_left, title="Remove the machine that was left"),
            Step("consolidate", self._consolidate, title="Consolidate disks"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.failed_over_point_id is None:
            raise errors.PrerequisiteFailed(
                f"{machine.name} does not run from a recovery point that could be committed."
            )
        begin = started_from(machine.failed_over_point_id, machine.failed_over_forward)
        return Done(f"{machine.name} runs at {machine.target_site} from {begin}")

    def _commit(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        return self.target(ctx, machine).commit_point(str(machine.failed_over_point_id)).done()

    def _remove_left(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if not machine.reversed:
            return Skipped(
                f"this is not a failback: {machine.source_site} keeps its machine, off, for a later failback"
            )
        return self.source(ctx, machine).remove_machine().done()

    def _consolidate(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if not machine.reversed:
            return Skipped("only a machine that failed back is brought back onto its own disks")
        return self.target(ctx, machine).consolidate().done()
