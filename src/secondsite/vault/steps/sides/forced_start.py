"""A job that starts the old copy of a machine although that is forbidden, because a person demands it and
accepts the risk.

It is not a verb of the lifecycle: the machine's state does not change. Its order has the number that the
machine had when the person asked, so that it does not override a later verb.
"""

from ....domain import errors, lifecycle
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Outcome
from ....wire.common.base import Shape
from ....wire.control import orders
from ...store import MachineRecord, Transaction
from ..deps import Deps
from ..retry_store import retrying
from .orders import Limits, Orders

START_ANYWAY = "start_anyway"
LIMITS = Limits(deadline_seconds=300)


class StartAnywayArguments(Shape):
    """The site of the copy, and the number that the machine had."""

    site: str
    appliance_id: str
    fabric_id: str
    generation: int


def submit(deps: Deps, tx: Transaction, machine: MachineRecord, site: str, by: str) -> str:
    """Queue the job in the caller's transaction; its id. Raises InvalidArgument for a site where no old
    copy can be, NotPossibleNow while another job moves the machine."""
    if site != machine.source_site:
        raise errors.InvalidArgument(
            f"The old copy of {machine.name} can only be at {machine.source_site}, not at '{site}'.",
            do=f"Give --site {machine.source_site}.",
        )
    if lifecycle.is_moving(machine.state):
        raise errors.NotPossibleNow(
            f"{machine.name} is {machine.state}: a job is moving it.",
            do=f"Wait for its end: 'secondsite job follow {machine.job_id}'.",
        )
    arguments = StartAnywayArguments(
        site=site,
        appliance_id=machine.source_appliance_id,
        fabric_id=machine.source_fabric_id,
        generation=machine.generation,
    )
    return deps.submit(
        tx.session,
        START_ANYWAY,
        subject=machine.id,
        subject_name=machine.name,
        arguments=arguments,
        requested_by=by,
    )


def definition(deps: Deps) -> Definition:
    """One step: the appliance starts the copy."""
    give = Orders(deps)

    def start(ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(StartAnywayArguments)
        answer = give.give(
            ctx,
            wanted.appliance_id,
            orders.START_ANYWAY,
            orders.StartAnyway(fabric_id=wanted.fabric_id, by=ctx.requested_by),
            machine_id=ctx.subject,
            generation=wanted.generation,
            limits=LIMITS,
            why=f"starting the old copy of {ctx.subject_name} at {wanted.site}",
        )
        return answer.done()

    return Definition(START_ANYWAY, (retrying(Step("start", start, title="Start the old copy")),))
