"""Clean up the test failover: the test machine and the network made for it go; the notes stay (003 L100-105)."""

from collections.abc import Sequence
from typing import Any

from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Skipped, Wait
from ...wire import orders, rest
from ...wire.base import Shape
from ...wire.orders import Kind
from ...wire.replication import started_from
from .. import ports
from ..steps import targets
from ..steps.operation import MachineOperation


class CleanupTestFailover(MachineOperation):
    verb = Verb.CLEANUP_TEST_FAILOVER

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        assert isinstance(request, rest.CleanupTestFailover)
        return {"notes": request.notes}

    def steps(self) -> Sequence[Step]:
        return (
            Step("Remove the test machine", self._remove_machine),
            Step("Remove the test network", self._remove_network),
            Step("Complete testing", self._complete),
        )

    def _remove_machine(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        fabric_id = machine.drill.fabric_id if machine.drill else targets.drill_fabric_id(machine)
        answer = targets.stop_run(self.orders, ctx, machine, targets.DRILL_RUN, fabric_id)
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _remove_network(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        if machine.drill is None or not machine.drill.network_made:
            return Skipped("no network was made for this drill")
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.REMOVE_NETWORK,
            orders.CreateNetwork(name=str(machine.drill.network)),
            machine_id=machine.id,
            why=f"removing the network {machine.drill.network}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _complete(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        notes = str(ctx.arguments["notes"])
        if machine.drill is None:
            return Skipped("the test failover never started, so there is nothing to note")
        note = ports.DrillNote(
            machine_id=machine.id,
            notes=notes,
            point_id=machine.drill.point_id,
            started_at=machine.drill.started_at,
            completed_at=ctx.now(),
            requested_by=ctx.requested_by,
            forward=machine.drill.forward,
        )

        def commit(session: Any) -> None:
            self.deps.store.within(session).drill_notes.add(note)

        lasted = (note.completed_at - note.started_at).total_seconds()
        begin = started_from(note.point_id, note.forward)
        return Done(
            f"the test failover of {machine.name} from {begin} lasted {lasted:.0f} s; notes kept: {notes or 'none'}",
            {},
            commit,
        )
