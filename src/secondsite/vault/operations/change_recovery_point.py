"""Change recovery point: the failed-over machine is not what was wanted; start it from another point.

Possible until commit. If the new point does not start, the old one is started again.
"""

from collections.abc import Sequence
from typing import Any

from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import rest
from ...wire.base import Shape
from .. import ports
from ..steps import choosing, starting, targets
from ..steps.operation import MachineOperation


class ChangeRecoveryPoint(MachineOperation):
    verb = Verb.CHANGE_RECOVERY_POINT
    undo_on_failure = True

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        assert isinstance(request, rest.ChangeRecoveryPoint)
        choosing.refuse_custom_for_many(request.choice, request.point, request.machines)
        chosen = choosing.choice_for(tx, machine, request.choice, request.point)
        return {**chosen, "old_point": machine.failed_over_point_id}

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Shut down", self._shut_down, undo=self._start_old),
            Step("Start", self._start, undo=self._stop_new, undo_after_failure=True),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = targets.list_points(self.orders, ctx, machine)
        if isinstance(answer, Wait):
            return answer
        point = choosing.chosen_point(ctx.arguments, answer)
        return Done(
            f"{machine.name} will start from point {point.id}",
            {"point_id": point.id, "taken_at": point.taken_at.isoformat()},
        )

    def _shut_down(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = targets.stop_run(self.orders, ctx, machine, targets.FAILOVER_RUN, machine.target_fabric_id)
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _start(self, ctx: StepContext) -> Outcome:
        return starting.start_from(self, ctx, str(ctx.facts("Prerequisites check")["point_id"]))

    def _stop_new(self, ctx: StepContext) -> Outcome:
        return self._shut_down(ctx)

    def _start_old(self, ctx: StepContext) -> Outcome:
        return starting.start_from(self, ctx, str(ctx.arguments["old_point"]))
