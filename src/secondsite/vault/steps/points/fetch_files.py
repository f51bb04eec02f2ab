"""A job that writes files of a recovery point into a folder of the target's host. It is not a verb of the
lifecycle: it changes nothing about the machine, and a failover may start meanwhile."""

import uuid

from ....ground.units import DAY, HOUR
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Done, Outcome
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.control import orders
from ....wire.control.guest_files import EndFetchFiles, FetchFiles
from ...store import MachineRecord, Transaction
from ..deps import Deps
from ..retry_store import retrying
from ..sides.orders import Limits, Orders
from . import ordered_ids

FETCH = "fetch_files"
LIMITS = Limits(deadline_seconds=7 * DAY, reach_seconds=HOUR)
END = Limits(deadline_seconds=900, reach_seconds=600)


class FetchArguments(Shape):
    """The appliance that holds the point, and what it is told. `fetch_id`: of it that of each attempt is
    made: one that was given up stays so."""

    appliance_id: str
    site: str
    point: str
    fetch_id: str
    path: str
    folder: str
    unencrypted: bool


def submit(
    deps: Deps, tx: Transaction, machine: MachineRecord, point_id: str, asked: rest.PointFilesFetch, by: str
) -> str:
    """Queue the job in the caller's transaction; its id."""
    arguments = FetchArguments(
        appliance_id=machine.target_appliance_id,
        site=machine.target_site,
        point=point_id,
        fetch_id=str(uuid.uuid4()),
        **asked.model_dump(),
    )
    return deps.submit(
        tx.session,
        FETCH,
        subject=machine.id,
        subject_name=machine.name,
        arguments=arguments,
        requested_by=by,
    )


def definition(deps: Deps) -> Definition:
    """One step: the target's appliance reads the files and writes them. A cancel or an error leaves nothing
    of them."""
    give = Orders(deps)

    def fetch(ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(FetchArguments)
        fetch_id = ordered_ids.new(ctx, wanted.fetch_id)
        told = wanted.model_dump(include={"path", "folder", "unencrypted"})
        answer = give.give(
            ctx,
            wanted.appliance_id,
            orders.FETCH_FILES,
            FetchFiles(point_id=wanted.point, fetch_id=fetch_id, **told),
            machine_id=ctx.subject,
            limits=LIMITS,
            why=f"fetching {wanted.path} out of point {wanted.point} of {ctx.subject_name}",
        )
        return answer.done()

    def end(ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(FetchArguments)
        answer = give.give(
            ctx,
            wanted.appliance_id,
            orders.END_FETCH_FILES,
            EndFetchFiles(fetch_id=ordered_ids.last(ctx, "fetch", wanted.fetch_id)),
            machine_id=ctx.subject,
            limits=END,
            why=f"removing what is there of {wanted.path}",
        )
        return Done(answer.sentence)

    steps = (retrying(Step("fetch", fetch, title="Fetch files", undo=end, undo_after_failure=True)),)
    return Definition(FETCH, steps, undo_on_failure=True)
