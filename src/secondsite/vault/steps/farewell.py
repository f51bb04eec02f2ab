"""What a source that was away is told when it returns: protection has ended, let go of the machine.

A job of its own waits for it, so that nobody has to wait for the source, and nothing of ours stays there for good.
"""

from collections.abc import Mapping
from typing import Any

from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.definitions import Definition, Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import orders
from ...wire.orders import Kind
from .. import ports
from .deps import Deps
from .ordering import Orders

FAREWELL = "end_replication_later"
PATIENCE_SECONDS = 30 * DAY


def submit(deps: Deps, session: Any, machine: ports.MachineRecord) -> str:
    """Queue the job in the caller's transaction; its id."""
    arguments: Mapping[str, Any] = {
        "appliance_id": machine.source_appliance_id,
        "site": machine.source_site,
    }
    return deps.submit(
        session, FAREWELL, subject=machine.id, subject_name=machine.name, arguments=arguments, by="secondsite"
    )


def definition(deps: Deps) -> Definition:
    """One step that waits for the source as long as it takes, at most 30 days."""
    give = Orders(deps)

    def stop(ctx: StepContext) -> Outcome:
        answer = give.give(
            ctx,
            str(ctx.arguments["appliance_id"]),
            Kind.STOP_REPLICATION,
            orders.StopReplication(forget=True),
            machine_id=ctx.subject,
            deadline_seconds=PATIENCE_SECONDS,
            reach_seconds=PATIENCE_SECONDS,
            why=f"waiting for site {ctx.arguments['site']} to stop replicating {ctx.subject_name}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    return Definition(FAREWELL, (Step("Stop replication", stop),))
