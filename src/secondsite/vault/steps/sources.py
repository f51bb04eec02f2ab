"""Orders to the side where the machine runs. It may be the side that burns: the short deadlines are on purpose."""

from ...domain import errors
from ...jobs.context import StepContext
from ...jobs.outcomes import Wait
from ...wire import orders
from ...wire.orders import Kind
from .. import ports
from .ordering import Answer, Orders

SHUT_DOWN_GRACE_SECONDS = 60.0
FINAL_CYCLE_SECONDS = 3600.0
DEAD_SITE_SECONDS = 5.0
TOLD_IN_PASSING_SECONDS = 1.0


def shut_down(
    give: Orders, ctx: StepContext, machine: ports.MachineRecord, *, force: bool, reach_seconds: float
) -> Answer | Wait:
    payload = orders.ShutDown(
        fabric_id=machine.source_fabric_id, grace_seconds=SHUT_DOWN_GRACE_SECONDS, force=force
    )
    return give.give(
        ctx,
        machine.source_appliance_id,
        Kind.SHUT_DOWN,
        payload,
        machine_id=machine.id,
        deadline_seconds=SHUT_DOWN_GRACE_SECONDS * 2,
        reach_seconds=reach_seconds,
        why=f"shutting down {machine.name} at {machine.source_site}",
    )


def final_cycle(
    give: Orders, ctx: StepContext, machine: ports.MachineRecord, reach_seconds: float
) -> Answer | Wait:
    """The last delta of a machine that is off; nothing is left behind after it."""
    return give.give(
        ctx,
        machine.source_appliance_id,
        Kind.RUN_CYCLE,
        orders.RunCycle(final=True),
        machine_id=machine.id,
        deadline_seconds=FINAL_CYCLE_SECONDS,
        reach_seconds=reach_seconds,
        why=f"sending the last changes of {machine.name}",
    )


def pause_if_reachable(give: Orders, ctx: StepContext, machine: ports.MachineRecord) -> str | Wait:
    """Asks the source to hold its loop. One that does not answer within seconds is not needed: the closed replica
    refuses its cycles."""
    try:
        answer = give.give(
            ctx,
            machine.source_appliance_id,
            Kind.PAUSE_REPLICATION,
            orders.Nothing(),
            machine_id=machine.id,
            deadline_seconds=10,
            reach_seconds=TOLD_IN_PASSING_SECONDS,
            why=f"pausing replication at {machine.source_site}",
        )
    except errors.SecondsiteError as error:
        return f"the source at {machine.source_site} was not told ({error.message.rstrip('.')}); its cycles are refused"
    return answer if isinstance(answer, Wait) else answer.sentence
