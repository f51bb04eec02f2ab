"""A job that makes a machine of its own from a recovery point, beside the protected one. It is not a verb of
the lifecycle: it changes nothing about the machine, and a failover may start meanwhile."""

import uuid

from pydantic import Field

from ....ground.units import DAY, HOUR
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Done, Outcome
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.common.properties import Sizing, StandIns
from ....wire.control import orders
from ....wire.control.copies import RestoreCopy
from ...store import MachineRecord, Transaction
from ..deps import Deps
from ..retry_store import retrying
from ..sides import properties
from ..sides.orders import Limits, Orders
from . import ordered_ids

RESTORE = "restore_copy"
COPY = Limits(deadline_seconds=30 * DAY, reach_seconds=HOUR)
"""A host that is upgraded, or starts anew, does not end what took hours."""
END = Limits(deadline_seconds=900, reach_seconds=600)


class RestoreArguments(Shape):
    """The appliance that holds the point, and what it is told. `fabric_id`: of it that of the new machine is
    made, another one for each attempt: one that was given up stays so."""

    appliance_id: str
    site: str
    point: str
    fabric_id: str
    name: str
    folder: str
    network: str | None
    start: bool
    unencrypted: bool
    sizing: Sizing
    stand_in: StandIns = Field(default_factory=dict)


def submit(
    deps: Deps, tx: Transaction, machine: MachineRecord, point_id: str, asked: rest.PointRestore, by: str
) -> str:
    """Queue the job in the caller's transaction; its id."""
    there = properties.set_for(tx, machine)
    arguments = RestoreArguments(
        appliance_id=machine.target_appliance_id,
        site=machine.target_site,
        point=point_id,
        fabric_id=str(uuid.uuid4()),
        sizing=there.sizing,
        stand_in=there.stand_in,
        **asked.model_dump(),
    )
    return deps.submit(
        tx.session,
        RESTORE,
        subject=machine.id,
        subject_name=machine.name,
        arguments=arguments,
        requested_by=by,
    )


def definition(deps: Deps) -> Definition:
    """One step: the target's appliance copies the disks and makes the machine. A cancel or an error leaves
    nothing of it."""
    give = Orders(deps)

    def restore(ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(RestoreArguments)
        fabric_id = ordered_ids.new(ctx, wanted.fabric_id)
        told = wanted.model_dump(exclude={"appliance_id", "site", "point", "fabric_id"})
        answer = give.give(
            ctx,
            wanted.appliance_id,
            orders.RESTORE_COPY,
            RestoreCopy(point_id=wanted.point, fabric_id=fabric_id, **told),
            machine_id=ctx.subject,
            limits=COPY,
            why=f"making {wanted.name} from point {wanted.point} of {ctx.subject_name}",
        )
        return answer.done()

    def end(ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(RestoreArguments)
        answer = give.give(
            ctx,
            wanted.appliance_id,
            orders.END_RESTORE_COPY,
            orders.FabricMachine(fabric_id=ordered_ids.last(ctx, "restore", wanted.fabric_id)),
            machine_id=ctx.subject,
            limits=END,
            why=f"removing what is there of {wanted.name}",
        )
        return Done(answer.sentence)

    steps = (retrying(Step("restore", restore, title="Restore a copy", undo=end, undo_after_failure=True)),)
    return Definition(RESTORE, steps, undo_on_failure=True)
