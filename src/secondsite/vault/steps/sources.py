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
URGENT_FINAL_CYCLE_SECONDS = 600.0
URGENT_STUCK_SECONDS = 120.0
"""An unplanned failover waits for the last changes while they come: so long without progress, and so long in all."""
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
    give: Orders,
    ctx: StepContext,
    machine: ports.MachineRecord,
    reach_seconds: float,
    deadline_seconds: float = FINAL_CYCLE_SECONDS,
    stuck_seconds: float | None = None,
) -> Answer | Wait:
    """The last delta of a machine that is off; nothing is left behind after it."""
    return give.give(
        ctx,
        machine.source_appliance_id,
        Kind.RUN_CYCLE,
        orders.RunCycle(final=True),
        machine_id=machine.id,
        deadline_seconds=deadline_seconds,
        reach_seconds=reach_seconds,
        stuck_seconds=stuck_seconds,
        why=f"sending the last changes of {machine.name}",
    )


def left_behind(tx: ports.Transaction, machine: ports.MachineRecord) -> str:
    """What it costs to go on without the last changes, as far as the vault knows."""
    source = tx.statuses.get(machine.id).source
    arrived = source.sent_at if source and source.epoch == machine.epoch else None
    since = f"{arrived:%H:%M:%S} UTC" if arrived else "the newest recovery point"
    return (
        f"What {machine.name} wrote after {since} is missing at {machine.target_site}; its old disks at "
        f"{machine.source_site} hold it until it is reprotected."
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
