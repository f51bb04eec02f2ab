"""Reading a recovery point again, as a job: no verb of the lifecycle, for it changes nothing of the machine."""

from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.definitions import Definition, Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire.orders import DropPoint, Kind
from .. import ports
from .deps import Deps
from .ordering import Orders

VERIFY = "verify_point"
DEADLINE_SECONDS = 7 * DAY


def submit(deps: Deps, tx: ports.Transaction, machine: ports.MachineRecord, point_id: str, by: str) -> str:
    """Queue the job in the caller's transaction; its id."""
    arguments = {"appliance_id": machine.target_appliance_id, "point": point_id}
    return deps.submit(
        tx.session, VERIFY, subject=machine.id, subject_name=machine.name, arguments=arguments, by=by
    )


def definition(deps: Deps) -> Definition:
    """One step: the target's appliance reads the whole point. Fails with PointDamaged when it rotted."""
    give = Orders(deps)

    def verify(ctx: StepContext) -> Outcome:
        answer = give.give(
            ctx,
            str(ctx.arguments["appliance_id"]),
            Kind.VERIFY_POINT,
            DropPoint(point_id=str(ctx.arguments["point"])),
            machine_id=ctx.subject,
            deadline_seconds=DEADLINE_SECONDS,
            why=f"reading point {ctx.arguments['point']} of {ctx.subject_name}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    return Definition(VERIFY, (Step("Verify recovery point", verify),))
