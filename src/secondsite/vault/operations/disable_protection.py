"""Disable protection: replication ends, and everything that was made for it goes. The running machine is untouched.

Where the machine runs on the replica's own files (failed over and committed), those files stay with it. A source
that cannot be reached is told when it returns, by a job of its own; the verb does not fail for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...domain import errors
from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Definition, Step
from ...jobs.outcomes import Done, Outcome, Skipped, Wait
from ...jobs.views import JobView
from ...wire import orders
from ...wire.base import Shape
from ...wire.orders import Kind
from .. import ports
from ..steps import farewell
from ..steps.operation import MachineOperation


class DisableProtection(MachineOperation):
    verb = Verb.DISABLE_PROTECTION

    def definition(self) -> Definition:
        return replace(super().definition(), on_success=self._forget)

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        return {"runs_at_target": machine.failed_over_point_id is not None}

    def steps(self) -> Sequence[Step]:
        return (Step("Stop replication", self._stop), Step("Remove replica", self._remove))

    def _stop(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        try:
            answer = self.orders.give(
                ctx,
                machine.source_appliance_id,
                Kind.STOP_REPLICATION,
                orders.StopReplication(forget=True),
                machine_id=machine.id,
                why=f"stopping replication at {machine.source_site}",
            )
        except errors.ApplianceUnreachable as error:
            return Skipped(
                f"{error.message} It is told when it returns; the target refuses its cycles from now on.",
                lambda session: self._tell_later(session, machine),
            )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _tell_later(self, session: Any, machine: ports.MachineRecord) -> None:
        farewell.submit(self.deps, session, machine)

    def _remove(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        runs = bool(ctx.arguments.get("runs_at_target"))
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.REMOVE_REPLICA,
            orders.RemoveReplica(keep_running=runs, restore_machine=machine.reversed and not runs),
            machine_id=machine.id,
            deadline_seconds=600,
            why=f"removing the replica at {machine.target_site}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _forget(self, session: Any, job: JobView) -> None:
        tx = self.deps.store.within(session)
        tx.statuses.remove(str(job.subject))
        tx.machines.remove(str(job.subject))
