"""Orders about the source's own machine: its power, and its withdrawal."""

import time

from ...domain import errors
from ...fabrics.interface import PowerState
from ...ground import seams
from ...wire.control.orders import FabricMachine, Nothing, PowerFact, Restart, ShutDown, Withdraw
from ..shared import withdrawn
from .context import Context


def state(context: Context, payload: FabricMachine) -> tuple[str, PowerFact]:
    power = context.fabric.power.state(payload.fabric_id)
    return f"the machine is {power}", PowerFact(power=str(power))


def shut_down(context: Context, payload: ShutDown) -> tuple[str, PowerFact]:
    """Shut the machine down. A cycle in progress is given up first: the shutdown would end its job anyway (P7)."""
    source = context.parts.replication.find(context.order.machine_id or "")
    if source is None:
        return _shut_down(context, payload)
    with source.lock("shutting down", context.left_seconds(), interrupt=True):
        answer = _shut_down(context, payload)
        source.power = PowerState(answer[1].power)
    return answer


def _shut_down(context: Context, payload: ShutDown) -> tuple[str, PowerFact]:
    power, began = context.fabric.power, time.monotonic()
    before = power.state(payload.fabric_id)
    if before in (PowerState.OFF, PowerState.MISSING):
        return f"the machine was already {before}", PowerFact(power=str(before))
    if power.shut_down(payload.fabric_id, payload.grace_seconds):
        return f"shut the machine down in {time.monotonic() - began:.0f} s", PowerFact(power="off")
    if not payload.force:
        raise errors.DeadlineExceeded(
            f"The machine did not shut down within {payload.grace_seconds:.0f} s.",
            do="Shut it down from inside, or retry with force.",
        )
    power.stop(payload.fabric_id)
    return f"cut the power after {payload.grace_seconds:.0f} s without a shutdown", PowerFact(power="off")


def restart(context: Context, payload: Restart) -> tuple[str, PowerFact]:
    """Cancel a planned failover: start the machine and resume its replication."""
    context.fabric.power.start(payload.fabric_id)
    source = context.parts.replication.find(context.machine_id)
    if source is not None:
        with source.lock("resuming", context.left_seconds(), interrupt=True):
            source.change(paused=False)
            source.unchanged_fingerprint = None
        source.hurry()
        context.parts.replication.poke()
    return "started the machine and resumed its replication", PowerFact(power="running")


def withdraw(context: Context, payload: Withdraw) -> tuple[str, Nothing]:
    """End replication and remove the machine's definition, so that nobody can start it; its disks and a copy of
    the definition stay."""
    source = context.parts.replication.find(context.machine_id)
    if source is not None:
        with source.lock("withdrawing the machine", context.left_seconds(), interrupt=True):
            context.parts.replication.remove(source)
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is None:
        return _was_withdrawn(context, payload.fabric_id)
    if found.tag not in (None, context.machine_id):
        raise errors.NotOurs(
            f"Machine {found.name} at this site is tagged {found.tag}, not {context.machine_id}."
        )
    if found.power is not PowerState.OFF:
        context.fabric.power.stop(payload.fabric_id)
    context.fabric.tracking.acknowledge(payload.fabric_id, None)
    withdrawn.remember(context.state, found.definition)
    seams.reach("appliance.machine.remembered")
    context.fabric.hosting.withdraw(payload.fabric_id, context.machine_id)
    return f"withdrew {found.name}; its disks stay where they are", Nothing()


def _was_withdrawn(context: Context, fabric_id: str) -> tuple[str, Nothing]:
    if withdrawn.recall(context.state, fabric_id) is None:
        raise errors.NotFound(
            f"The site has no machine {fabric_id}, and it was not withdrawn here.",
            do="Reprotect to an alternate location (a full copy).",
        )
    return "the machine was already withdrawn", Nothing()
