"""Failover: the source is in trouble; the machine starts at the target from a recovery point.

A source that is gone costs seconds. One that answers and was asked to shut down is waited for while its last delta
comes nearer, at most ten minutes; the failover goes on when that can't be done (documents 001 L84, 002 L58). The inbox is closed before
the point is chosen, so nothing moves under it.
"""

from collections.abc import Sequence
from typing import Any

from ...domain import errors
from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Skipped, Wait
from ...wire import rest
from ...wire.base import Shape
from .. import ports
from ..steps import choosing, sources, starting, targets
from ..steps.operation import MachineOperation


class Failover(MachineOperation):
    verb = Verb.FAILOVER

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        assert isinstance(request, rest.Failover)
        return {**choosing.choice_for(tx, machine, request), "shut_down_source": request.shut_down_source}

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Shut down", self._shut_down),
            Step("Stop replication", self._stop_replication),
            Step("Failover", self._failover),
            Step("Start", self._start),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        found = choosing.choose(self.orders, ctx, machine, process=False)
        if isinstance(found, Wait):
            return found
        return Done(f"{machine.target_site} holds {machine.name}; the choice now is {found.what}")

    def _shut_down(self, ctx: StepContext) -> Outcome:
        """Twice optional: when not asked for, and when it can't be done."""
        machine = self.machine(ctx.subject)
        if not ctx.arguments.get("shut_down_source"):
            return Skipped("not asked for: the failover goes on without the source")
        try:
            return self._off_and_drained(ctx, machine)
        except errors.SecondsiteError as error:
            with self.deps.store.transaction() as tx:
                cost = sources.left_behind(tx, machine)
            return Skipped(
                f"{machine.name} could not be shut down and drained, the failover goes on: {error.message} {cost}"
            )

    def _off_and_drained(self, ctx: StepContext, machine: ports.MachineRecord) -> Outcome:
        reach = 3 * sources.DEAD_SITE_SECONDS
        off = sources.shut_down(self.orders, ctx, machine, force=True, reach_seconds=reach)
        if isinstance(off, Wait):
            return off
        last = sources.final_cycle(
            self.orders,
            ctx,
            machine,
            reach,
            deadline_seconds=sources.URGENT_FINAL_CYCLE_SECONDS,
            stuck_seconds=sources.URGENT_STUCK_SECONDS,
        )
        return last if isinstance(last, Wait) else Done(f"{off.sentence}; {last.sentence}", last.facts)

    def _stop_replication(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        closed = targets.accept_cycles(self.orders, ctx, machine, accepting=False)
        if isinstance(closed, Wait):
            return closed
        told = sources.pause_if_reachable(self.orders, ctx, machine)
        return told if isinstance(told, Wait) else Done(f"{closed.sentence}; {told}")

    def _failover(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        found = choosing.choose(self.orders, ctx, machine, process=True)
        if isinstance(found, Wait):
            return found
        loss = max(0.0, (ctx.now() - found.taken_at).total_seconds())  # the source's clock may be ahead
        return Done(
            f"{found.what} was chosen, {loss:.1f} s old ({found.said})",
            {**found.facts(), "loses_seconds": loss},
        )

    def _start(self, ctx: StepContext) -> Outcome:
        chosen = ctx.facts("Failover")
        return starting.start_from(self, ctx, choosing.point_of(chosen), choosing.forward_of(chosen))
