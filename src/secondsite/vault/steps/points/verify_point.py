"""A job that reads a recovery point again. It is not a verb of the lifecycle: it changes nothing about the
machine."""

from ....ground.units import DAY
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Outcome
from ....wire.common.base import Shape
from ....wire.control import orders
from ...store import MachineRecord, Transaction
from ..deps import Deps
from ..retry_store import retrying
from ..sides.orders import Limits, Orders

VERIFY = "verify_point"


class VerifyArguments(Shape):
    """The appliance that holds the point, and the point's id."""

    appliance_id: str
    point: str


def submit(deps: Deps, tx: Transaction, machine: MachineRecord, point_id: str, by: str) -> str:
    """Queue the job in the caller's transaction; its id."""
    arguments = VerifyArguments(appliance_id=machine.target_appliance_id, point=point_id)
    return deps.submit(
        tx.session,
        VERIFY,
        subject=machine.id,
        subject_name=machine.name,
        arguments=arguments,
        requested_by=by,
    )


def definition(deps: Deps) -> Definition:
    """One step: the target's appliance reads the whole point. Fails with PointDamaged if it is damaged."""
    give = Orders(deps)

    def verify(ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(VerifyArguments)
        answer = give.give(
            ctx,
            wanted.appliance_id,
            orders.VERIFY_POINT,
            orders.PointOrder(point_id=wanted.point),
            machine_id=ctx.subject,
            limits=Limits(deadline_seconds=7 * DAY),
            why=f"reading point {wanted.point} of {ctx.subject_name}",
        )
        return answer.done()

    return Definition(VERIFY, (retrying(Step("verify", verify, title="Verify recovery point")),))
