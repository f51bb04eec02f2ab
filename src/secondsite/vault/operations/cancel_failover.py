"""Cancel failover: back to just before. The new copy is removed, the old machine runs again, replication goes on.

For a planned failover before commit (documents 000 L145-154, 004 L116-156), and for a failover that died half way,
so that no machine is ever stuck.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import orders
from ...wire.orders import Kind
from ..steps import targets
from ..steps.operation import MachineOperation


class CancelFailover(MachineOperation):
    verb = Verb.CANCEL_FAILOVER

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Remove the failed-over machine", self._remove),
            Step("Resume replication", self._resume),
            Step("Start", self._start),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.POWER,
            orders.FabricMachine(fabric_id=machine.source_fabric_id),
            machine_id=machine.id,
            why=f"asking {machine.source_site} for {machine.name}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence, answer.facts)

    def _remove(self, ctx: StepContext) -> Outcome:
        """First the new copy goes, then the old one starts: never two at once."""
        machine = self.machine(ctx.subject)
        answer = targets.stop_run(self.orders, ctx, machine, targets.FAILOVER_RUN, machine.target_fabric_id)
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _resume(self, ctx: StepContext) -> Outcome:
        answer = targets.accept_cycles(self.orders, ctx, self.machine(ctx.subject), accepting=True)
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.RESTART,
            orders.Restart(fabric_id=machine.source_fabric_id),
            machine_id=machine.id,
            deadline_seconds=targets.START_SECONDS,
            why=f"starting {machine.name} at {machine.source_site} again",
        )
        if isinstance(answer, Wait):
            return answer

        def commit(session: Any) -> None:
            tx = self.deps.store.within(session)
            now = tx.machines.get(machine.id)
            tx.machines.put(
                replace(now, failed_over_point_id=None, failed_over_at=None, failed_over_forward=None)
            )

        return Done(answer.sentence, answer.facts, commit)
