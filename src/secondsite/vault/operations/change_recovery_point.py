"""Change recovery point: the failed-over machine is not what was wanted; start it from another point.

Possible until commit. If the new point does not start, the old one is started again.
"""

from collections.abc import Sequence

from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.points import RolledForward
from .. import ports
from ..steps.operation import MachineOperation
from ..steps.points import recovery_point
from ..steps.points.recovery_point import ChoiceArguments, StartInstant
from ..steps.sides import naming
from ..steps.sides.proving import prove
from ..steps.start_failed_over import start_from


class ChangeArguments(ChoiceArguments):
    """The choice, and what the machine runs from until then."""

    old_point: str
    old_forward: RolledForward | None = None


class ChangeRecoveryPoint(MachineOperation):
    verb = Verb.CHANGE_RECOVERY_POINT
    undo_on_failure = True

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> ChangeArguments:
        assert isinstance(request, rest.ChangeRecoveryPoint)
        return ChangeArguments(
            **dict(recovery_point.choice_for(tx, machine, request)),
            old_point=str(machine.failed_over_point_id),
            old_forward=machine.failed_over_forward,
        )

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("shut_down", self._shut_down, title="Shut down", undo=self._start_old),
            Step("start", self._start, title="Start", undo=self._stop_new, undo_after_failure=True),
            Step("prove", self._prove, title="Proof"),
            Step("names", self._names, title="DNS names"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        found = recovery_point.choose(ctx, target, process=False)
        return Done(f"{target.machine.name} will start from {found.what}", found.instant)

    def _shut_down(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        return target.ask(target.to_stop_failed_over()).done()

    def _start(self, ctx: StepContext) -> Outcome:
        return start_from(self.deps, ctx, self.target(ctx), ctx.facts("check", StartInstant))

    def _prove(self, ctx: StepContext) -> Outcome:
        return prove(self.deps, ctx, self.target)

    def _names(self, ctx: StepContext) -> Outcome:
        return naming.after_failover(self.deps, ctx, self.target(ctx))

    def _stop_new(self, ctx: StepContext) -> Outcome:
        return self._shut_down(ctx)

    def _start_old(self, ctx: StepContext) -> Outcome:
        old = ctx.arguments(ChangeArguments)
        instant = StartInstant(point_id=old.old_point, forward=old.old_forward)
        return start_from(self.deps, ctx, self.target(ctx), instant)
