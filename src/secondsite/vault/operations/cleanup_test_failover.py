"""Clean up the test failover: the test machine and the network made for it are removed; the notes stay (S-113, S-115)."""

from collections.abc import Sequence
from dataclasses import replace

from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.points import started_from
from .. import ports
from ..steps.lost import giving_up
from ..steps.lost.giving_up import Need, WithoutSite
from ..steps.operation import MachineOperation
from ..steps.sides import drilling
from ..steps.sides.target import drill_fabric_id


class CleanupArguments(WithoutSite):
    """What the person noted of the drill."""

    notes: str = ""


class CleanupTestFailover(MachineOperation):
    verb = Verb.CLEANUP_TEST_FAILOVER

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> CleanupArguments:
        assert isinstance(request, rest.CleanupTestFailover)
        lost = giving_up.given_up(self.deps, machine, request, (machine.target_site,))
        return CleanupArguments(notes=request.notes, without_site=lost)

    def steps(self) -> Sequence[Step]:
        return (
            Step("remove_machine", self._remove_machine, title="Remove the test machine"),
            Step("remove_network", self._remove_network, title="Remove the test network"),
            Step("complete", self._complete, title="Complete testing"),
        )

    def _remove_machine(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        fabric_id = machine.drill.fabric_id if machine.drill else drill_fabric_id(machine)
        target = self.target(ctx, machine)
        need = Need(
            target.to_stop_drill(fabric_id),
            lost="the test machine there is lost",
            later="the test machine is removed there",
        )
        return giving_up.unless_given_up(self.deps, ctx, target, need)

    def _remove_network(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.drill is None or not machine.drill.network_made:
            return Skipped("no network was made for this drill")
        target = self.target(ctx, machine)
        need = Need(
            target.to_remove_network(drilling.network_of(machine.drill)),
            lost="the test network there is lost",
            later="the test network is removed there",
        )
        return giving_up.unless_given_up(self.deps, ctx, target, need)

    def _complete(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.drill is None:
            return Skipped("the test failover never started, so there is nothing to note")
        note = ports.DrillNote(
            machine_id=machine.id,
            notes=ctx.arguments(CleanupArguments).notes,
            point_id=machine.drill.point_id,
            started_at=machine.drill.started_at,
            completed_at=ctx.now(),
            requested_by=ctx.requested_by,
            forward=machine.drill.forward,
        )
        lasted = (note.completed_at - note.started_at).total_seconds()
        begin = started_from(note.point_id, note.forward)
        return Done(
            f"the test failover of {machine.name} from {begin} lasted {span(lasted)}; "
            f"notes kept: {note.notes or 'none'}",
            commit=self.deps.commit(lambda tx: _keep(tx, note)),
        )


def _keep(tx: ports.Transaction, note: ports.DrillNote) -> None:
    tx.drill_notes.add(note)
    machine = tx.machines.get(note.machine_id)
    tx.machines.put(replace(machine, drilled_at=note.completed_at))
