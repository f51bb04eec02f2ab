"""Stops a source that was unreachable when protection ended, once it returns.

A job of its own waits for the source, so that nobody else has to, and nothing of ours stays there for good.
"""

from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.outcomes import Outcome
from ...jobs.storage.database import Session
from ...wire.common.base import Shape
from ...wire.control import orders
from .. import ports
from .deps import Deps
from .sides.giving_orders import Limits, Orders

STOP_LATER = "end_replication_later"
LONGEST = Limits(deadline_seconds=30 * DAY, reach_seconds=30 * DAY)


class StopLaterArguments(Shape):
    """The source's appliance and its site."""

    appliance_id: str
    site: str


def submit(deps: Deps, session: Session, machine: ports.MachineRecord) -> str:
    """Queue the job in the caller's transaction; its id."""
    arguments = StopLaterArguments(appliance_id=machine.source_appliance_id, site=machine.source_site)
    return deps.submit(
        session,
        STOP_LATER,
        subject=machine.id,
        subject_name=machine.name,
        arguments=arguments,
        by="secondsite",
    )


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

    return Definition(STOP_LATER, (Step("stop_replication", stop, title="Stop replication"),))
