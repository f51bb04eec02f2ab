"""Change recovery point: the failed-over machine is not what was wanted; start it from another point.

Possible until commit. If the new point does not start, the old one is started again.
"""

from collections.abc import Mapping, Sequence
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
        forward = machine.failed_over_forward
        old = {
            "old_point": machine.failed_over_point_id,
            "old_forward": forward and forward.model_dump(mode="json"),
        }
        return {**choosing.choice_for(tx, machine, request), **old}

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Shut down", self._shut_down, undo=self._start_old),
            Step("Start", self._start, undo=self._stop_new, undo_after_failure=True),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        found = choosing.choose(self.orders, ctx, machine, process=False)
        if isinstance(found, Wait):
            return found
        return Done(f"{machine.name} will start from {found.what}", found.facts())

    def _shut_down(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = targets.stop_run(self.orders, ctx, machine, targets.FAILOVER_RUN, machine.target_fabric_id)
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _start(self, ctx: StepContext) -> Outcome:
        return self._start_at(ctx, ctx.facts("Prerequisites check"))

    def _stop_new(self, ctx: StepContext) -> Outcome:
        return self._shut_down(ctx)

    def _start_old(self, ctx: StepContext) -> Outcome:
        old = {"point_id": ctx.arguments["old_point"], "forward": ctx.arguments.get("old_forward")}
        return self._start_at(ctx, old)

    def _start_at(self, ctx: StepContext, instant: Mapping[str, Any]) -> Outcome:
        return starting.start_from(self, ctx, choosing.point_of(instant), choosing.forward_of(instant))
