"""Orders about the source's own machine: its power, and its withdrawal."""

import time

from ...domain import errors
from ...fabrics.interface import MachineSummary, PowerState
from ...ground import seams
from ...wire.control.orders import FabricMachine, Nothing, PowerFact, Restart, ShutDown, Withdraw
from ..shared import withdrawn
from .context import Context
from .resting import obstacle


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
        source.saw(PowerState(answer[1].power))
    return answer


def _shut_down(context: Context, payload: ShutDown) -> tuple[str, PowerFact]:
    power, began = context.fabric.power, time.monotonic()
    before = power.state(payload.fabric_id)
    if before in (PowerState.OFF, PowerState.MISSING):
        return f"the machine was already {before}", PowerFact(power=str(before))
    found = _ours(context, payload.fabric_id)
    obstacle(before, found.name)
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
    source = context.parts.replication.find(context.machine_id)
    context.parts.replication.fences.lower(context.machine_id, payload.fabric_id, source)
    found = context.fabric.power.state(payload.fabric_id)
    left = found in (PowerState.SAVED, PowerState.ELSEWHERE)
    if not left:
        context.fabric.power.start(payload.fabric_id)
        found = PowerState.RUNNING
    if source is not None:
        with source.lock("resuming", context.left_seconds(), interrupt=True):
            source.change(paused=False)
            source.unchanged_fingerprint = None
            source.saw(found)
        source.hurry()
        context.parts.replication.poke()
    did = f"left the machine as its owner did ({found})" if left else "started the machine"
    return f"{did} and resumed its replication", PowerFact(power=str(found))


def withdraw(context: Context, payload: Withdraw) -> tuple[str, Nothing]:
    """End replication and remove the machine's definition, so that nobody can start it; its disks and a copy of
    the definition stay. Nothing is done to a machine that is not ours, or whose memory or disks somebody needs."""
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is not None:
        _ours(context, payload.fabric_id)
        power = context.fabric.power.state(payload.fabric_id)
        obstacle(power, found.name)
    source = context.parts.replication.find(context.machine_id)
    if source is not None:
        with source.lock("withdrawing the machine", context.left_seconds(), interrupt=True):
            context.parts.replication.remove(source)
    if found is None:
        return _was_withdrawn(context, payload.fabric_id)
    if power is not PowerState.OFF:
        context.fabric.power.stop(payload.fabric_id)
    context.fabric.tracking.acknowledge(payload.fabric_id, None)
    withdrawn.remember(context.state, found.definition)
    seams.reach("appliance.machine.remembered")
    context.fabric.hosting.withdraw(payload.fabric_id, context.machine_id)
    seams.reach("appliance.machine.withdrawn")
    context.parts.replication.fences.withdrawn(context.machine_id)
    return f"withdrew {found.name}; its disks stay where they are", Nothing()


def _ours(context: Context, fabric_id: str) -> MachineSummary:
    """The machine, which carries our tag; raises NotFound, NotOurs."""
    found = context.fabric.inventory.get(fabric_id)
    if found is None:
        raise errors.NotFound(
            f"The site has no machine {fabric_id}.", do="Look for it with 'virsh list --all'."
        )
    if found.tag != context.machine_id:
        carries = f"is tagged {found.tag}" if found.tag else "carries no secondsite tag"
        raise errors.NotOurs(
            f"Machine {found.name} at this site {carries}, so it is left alone.",
            do="If it is the protected machine, defined anew, shut it down and remove the definition ('virsh "
            "undefine'); its disks stay. Then retry the job.",
        )
    return found


def _was_withdrawn(context: Context, fabric_id: str) -> tuple[str, Nothing]:
    if withdrawn.recall(context.state, fabric_id) is None:
        raise errors.NotFound(
            f"The site has no machine {fabric_id}, and it was not withdrawn here.",
            do="Reprotect to an alternate location (a full copy).",
        )
    context.parts.replication.fences.withdrawn(context.machine_id)
    return "the machine was already withdrawn", Nothing()
