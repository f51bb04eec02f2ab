"""Stops a source that was unreachable when protection ended, once it returns.

Only older vaults left such jobs; now `finish_later` does this, in the order in which everything was left.
"""

from ....ground.units import DAY
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Outcome
from ....wire.common.base import Shape
from ....wire.control import orders
from ..deps import Deps
from ..retry_store import retrying
from ..sides.orders import Limits, Orders

STOP_LATER = "end_replication_later"
LONGEST = Limits(deadline_seconds=30 * DAY, reach_seconds=30 * DAY)


class StopLaterArguments(Shape):
    """The source's appliance and its site."""

    appliance_id: str
    site: str


def definition(deps: Deps) -> Definition:
    """One step that waits for the source as long as it takes, at most 30 days."""
    give = Orders(deps)

    def stop(ctx: StepContext) -> Outcome:
        gone = ctx.arguments(StopLaterArguments)
        answer = give.give(
            ctx,
            gone.appliance_id,
            orders.STOP_REPLICATION,
            orders.StopReplication(forget=True),
            machine_id=ctx.subject,
            limits=LONGEST,
            why=f"waiting for site {gone.site} to stop replicating {ctx.subject_name}",
        )
        return answer.done()

    return Definition(STOP_LATER, (retrying(Step("stop_replication", stop, title="Stop replication")),))
