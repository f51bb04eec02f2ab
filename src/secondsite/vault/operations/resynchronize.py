"""Resynchronize: compare every block of source and replica, send only those that differ. Old points stay usable."""

from collections.abc import Sequence

from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ..steps import synchronizing
from ..steps.operation import MachineOperation
from ..steps.synchronizing import Before


class Resynchronize(MachineOperation):
    verb = Verb.RESYNCHRONIZE

    def steps(self) -> Sequence[Step]:
        return (
            Step("start", self._start, title="Start resynchronization"),
            Step("resynchronize", self._resynchronize, title="Resynchronization"),
        )

    def _start(self, ctx: StepContext) -> Outcome:
        source = self.source(ctx)
        before = synchronizing.remembered_before(self.deps, ctx, source.machine)
        return Done(source.resynchronize().sentence, before)

    def _resynchronize(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        before = ctx.facts("start", Before)
        return synchronizing.await_while_both_are_there(self.orders, ctx, machine, before)
