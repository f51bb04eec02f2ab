"""Clean up the test failover: the test machine and the network made for it are removed; notes and verdict
stay (S-113, S-115)."""

from collections.abc import Sequence

from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome
from ...wire import rest
from ...wire.common.base import Shape
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import WithoutSite
from ..steps.drills import drill_cleanup
from ..steps.operation import MachineOperation
from ..store import MachineRecord, Transaction


class CleanupArguments(WithoutSite):
    """What the person noted about the drill."""

    notes: str = ""
    verdict: Verdict | None = None


class CleanupTestFailover(MachineOperation):
    verb = Verb.CLEANUP_TEST_FAILOVER

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> CleanupArguments:
        assert isinstance(request, rest.CleanupTestFailover)
        lost = declaration.given_up(self.deps, machine, request, (machine.target_site,))
        return CleanupArguments(notes=request.notes, verdict=request.verdict, without_site=lost)

    def steps(self) -> Sequence[Step]:
        return (
            Step("remove_machine", self._remove_machine, title="Remove the test machine"),
            Step("remove_network", self._remove_network, title="Remove the test network"),
            Step("complete", self._complete, title="Complete testing"),
        )

    def _remove_machine(self, ctx: StepContext) -> Outcome:
        return drill_cleanup.remove_machine(self.deps, ctx, self.target(ctx))

    def _remove_network(self, ctx: StepContext) -> Outcome:
        return drill_cleanup.remove_network(self.deps, ctx, self.target(ctx))

    def _complete(self, ctx: StepContext) -> Outcome:
        said = ctx.arguments(CleanupArguments)
        judged = drill_cleanup.DrillJudgement(said.notes, said.verdict)
        return drill_cleanup.complete(self.deps, ctx, self.machine(ctx), judged)
