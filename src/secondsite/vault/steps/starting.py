"""Start the failed-over machine from a point, and record which one, in one step."""

from dataclasses import replace
from typing import Any

from ...jobs.context import StepContext
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire.replication import Forward
from . import targets
from .operation import MachineOperation


def start_from(
    operation: MachineOperation, ctx: StepContext, point_id: str, forward: Forward | None = None
) -> Outcome:
    """The machine runs at the target from `point_id`, rolled forward if that is said; its record says so in the
    step's own transaction."""
    deps = operation.deps
    machine = operation.machine(ctx.subject)
    with deps.store.transaction() as tx:
        networks = targets.mapped_networks(tx, machine)
    answer = targets.start_failover_run(operation.orders, ctx, machine, point_id, networks, forward)
    if isinstance(answer, Wait):
        return answer

    def commit(session: Any) -> None:
        tx = deps.store.within(session)
        now = tx.machines.get(machine.id)
        started = replace(now, failed_over_point_id=point_id, failed_over_forward=forward)
        tx.machines.put(replace(started, failed_over_at=deps.now()))

    return Done(answer.sentence, answer.facts, commit)
