"""Cancel failover: back to just before. The new copy is removed, the old machine runs again, replication goes on.

For a planned failover before commit (S-204, S-205), and for a failover that died half way,
so that no machine is ever stuck.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome
from .. import ports
from ..steps.operation import MachineOperation


class CancelFailover(MachineOperation):
    verb = Verb.CANCEL_FAILOVER

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("remove_failed_over", self._remove, title="Remove the failed-over machine"),
            Step("resume_replication", self._resume, title="Resume replication"),
            Step("start", self._start, title="Start"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        return self.source(ctx).power().done()

    def _remove(self, ctx: StepContext) -> Outcome:
        """First the new copy goes, then the old one starts: never two at once."""
        return self.target(ctx).stop_failed_over().done()

    def _resume(self, ctx: StepContext) -> Outcome:
        return self.target(ctx).accept_cycles(True).done()

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)

        def record(tx: ports.Transaction) -> None:
            now = tx.machines.get(machine.id)
            tx.machines.put(
                replace(now, failed_over_point_id=None, failed_over_at=None, failed_over_forward=None)
            )

        return self.source(ctx, machine).restart().done(self.deps.commit(record))
