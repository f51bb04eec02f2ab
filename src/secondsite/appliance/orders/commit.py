"""Orders of a commit: fix the point, move a machine that came home to its own disks, remove the other copy."""

from pathlib import Path

from ...domain import errors
from ...fabrics.interface import PowerState
from ...ground import seams
from ...wire.control.orders import CommitPoint, FabricMachine, Nothing
from ..shared import withdrawn
from .context import Context
from .runs import FAILOVER, key_of


def commit_point(context: Context, payload: CommitPoint) -> tuple[str, Nothing]:
    """Keep the failover's point, delete the others. The replica takes no more cycles."""
    hosted = context.hosted()
    with hosted.lock("committing", context.left_seconds()):
        run = hosted.replica.state.run(FAILOVER)
        if run is None or run.point_id != payload.point_id:
            raise errors.NotPossibleNow(
                f"The failed-over machine stands on {run.point_id if run else 'no point'}, not on {payload.point_id}.",
                do="Fail over or change the recovery point first, then commit.",
            )
        hosted.save(accepting=False)
        sentence = hosted.replica.settle(FAILOVER)
        hosted.refresh()
    return sentence, Nothing()


def consolidate(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """Move a machine that came home to its own old disk files; the replica is then no longer needed. From now on it
    starts with its host again, if it did before it was failed over."""
    context.parts.replication.fences.lower(context.machine_id, payload.fabric_id, None)
    hosted = context.parts.host.find(context.machine_id)
    if hosted is None:
        return "the machine was already on its own disks", Nothing()
    with hosted.lock("consolidating", context.left_seconds()):
        own = {
            disk.key: Path(disk.base) for disk in hosted.replica.state.disks if Path(disk.base).is_absolute()
        }
        if len(own) != len(hosted.replica.state.disks):
            return "the machine's disks lie in the replica and stay there", Nothing()
        # QEMU must not find the images in use by our storage daemon or by a scrub
        hosted.replica.let_go(context.left_seconds())
        context.fabric.hosting.consolidate(
            payload.fabric_id,
            own,
            lambda fraction: context.progress(fraction, "merging into the original disks"),
        )
        seams.reach("appliance.run.consolidated")
        context.state.remove_fact(key_of(context, FAILOVER))
        if hosted.setup.existing_fabric_id:
            withdrawn.forget(context.state, hosted.setup.existing_fabric_id)
        sentence = context.parts.host.remove(hosted)
    return f"the machine runs on its own disks again; {sentence}", Nothing()


def remove_machine(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """Remove the machine at the site that was left; its definition and disks stay for the way back."""
    source = context.parts.replication.find(context.machine_id)
    if source is not None and source.setup.fabric_id == payload.fabric_id:
        with source.lock("removing the machine", context.left_seconds(), interrupt=True):
            context.parts.replication.remove(source)
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is None:
        return "the machine was already removed", Nothing()
    if found.tag == context.machine_id:
        if found.power is not PowerState.OFF:
            context.fabric.power.stop(payload.fabric_id)
        context.fabric.tracking.acknowledge(payload.fabric_id, None)
        withdrawn.remember(context.state, found.definition)
        seams.reach("appliance.machine.remembered")
        context.fabric.hosting.withdraw(payload.fabric_id, context.machine_id)
    else:
        context.fabric.hosting.remove(payload.fabric_id, context.machine_id)
    context.parts.replication.fences.forget(context.machine_id)
    context.state.remove_fact(key_of(context, FAILOVER))
    return f"removed {found.name}; its disks stay for the way back", Nothing()
