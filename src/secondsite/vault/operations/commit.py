"""Commit: the operator is content with the failed-over machine. Its point is fixed, the others go.

A failback is committed by removing the machine at the site that was left; its disks stay there, so that the next
reprotect sends only changes (documents 000 L103, 001 L180).
"""

from collections.abc import Sequence

from ...domain import errors
from ...domain.lifecycle import Verb
from ...domain.units import HOUR
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Skipped, Wait
from ...wire import orders
from ...wire.orders import Kind
from ...wire.replication import started_from
from ..steps.operation import MachineOperation


class Commit(MachineOperation):
    verb = Verb.COMMIT

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Commit", self._commit),
            Step("Remove the machine that was left", self._remove_left),
            Step("Consolidate disks", self._consolidate),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        if machine.failed_over_point_id is None:
            raise errors.PrerequisiteFailed(
                f"{machine.name} runs from no recovery point that could be committed."
            )
        begin = started_from(machine.failed_over_point_id, machine.failed_over_forward)
        return Done(f"{machine.name} runs at {machine.target_site} from {begin}")

    def _commit(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.COMMIT_POINT,
            orders.CommitPoint(point_id=str(machine.failed_over_point_id)),
            machine_id=machine.id,
            deadline_seconds=10 * 60,
            why=f"fixing point {machine.failed_over_point_id}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence, answer.facts)

    def _remove_left(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        if not machine.reversed:
            return Skipped(
                f"this is no failback: {machine.source_site} keeps its machine, off, for the way home"
            )
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.REMOVE_MACHINE,
            orders.RemoveMachine(fabric_id=machine.source_fabric_id),
            machine_id=machine.id,
            why=f"removing {machine.name} at {machine.source_site}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _consolidate(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        if not machine.reversed:
            return Skipped("only a machine that came home is brought back onto its own disks")
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.CONSOLIDATE,
            orders.FabricMachine(fabric_id=machine.target_fabric_id),
            machine_id=machine.id,
            deadline_seconds=24 * HOUR,
            why=f"bringing {machine.name} back onto its own disks while it runs",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)
