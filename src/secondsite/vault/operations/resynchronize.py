"""Resynchronize: compare every block of source and replica, send only those that differ. Old points stay usable."""

from collections.abc import Sequence

from ...domain.lifecycle import Verb
from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import orders
from ...wire.orders import Kind
from ..steps import synchronizing
from ..steps.operation import MachineOperation


class Resynchronize(MachineOperation):
    verb = Verb.RESYNCHRONIZE

    def steps(self) -> Sequence[Step]:
        return (Step("Start resynchronization", self._start), Step("Resynchronization", self._wait))

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        if "after_seq" not in ctx.remembered:
            before = synchronizing.sent_bytes(self.deps, machine)
            ctx.remember(after_seq=synchronizing.newest_seq(self.deps, machine), sent_before=before)
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.RESYNCHRONIZE,
            orders.Nothing(),
            machine_id=machine.id,
            why=f"starting to compare {machine.name}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence, ctx.remembered)

    def _wait(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        start = ctx.facts("Start resynchronization")
        return synchronizing.wait(
            self.deps,
            machine,
            machine.epoch,
            int(start["after_seq"]),
            deadline_seconds=30 * DAY,
            sent_before=int(start["sent_before"]),
        )
