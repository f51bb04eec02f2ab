"""What an ended protection leaves at a site because it may be all that is left of the machine: its points,
or its old disks."""

from ...ground.plural import counted
from ...wire.common.machines import MachineDefinition
from ...wire.control.orders import StopReplication
from ..shared import withdrawn_definitions
from ..target import HostedReplica
from . import runs
from .context import Context


def stays(context: Context, hosted: HostedReplica, payload: StopReplication) -> str | None:
    """A sentence about what stays of a replica at the source; None: all of it goes. The caller has locked
    the replica."""
    if payload.keep_later_than is None:
        return None
    if any(point.epoch > payload.keep_later_than for point in hosted.points):
        return leave_points(context, hosted)
    left = withdrawn_definitions.recall(context.state, payload.fabric_id) if payload.fabric_id else None
    if left is None or not hosted.replica.state.stands_on_its_run:
        return None
    return _give_back(context, hosted, left)


def has_points(hosted: HostedReplica) -> bool:
    """Whether the replica has points of its own direction, by its files: the database may be from an old
    backup."""
    return any(point.epoch == hosted.replica.state.epoch for point in hosted.points)


def leave_points(context: Context, hosted: HostedReplica) -> str:
    """Leave the replica's points as plain files; returns a sentence. The caller has locked the replica."""
    runs.end_forgotten_drills(context, hosted)
    points = counted(len(hosted.points), "recovery point")
    context.parts.host.remove(hosted, keep_files=True)
    return (
        f"left {points} of {hosted.setup.machine_name} in {hosted.replica.files.root}: no copy of it was "
        "found that they could be given up for. Start it from them by hand, as each point's manifest says, "
        "or delete that folder"
    )


def _give_back(context: Context, hosted: HostedReplica, left: MachineDefinition) -> str:
    """Define the machine again on its disks, which stayed here when it was moved; returns a sentence."""
    runs.end_forgotten_drills(context, hosted)
    context.parts.host.remove(hosted, keep_files=True)
    sentence = define_again(context, left, None)
    withdrawn_definitions.forget(context.state, left.fabric_id)
    return f"{sentence}: no copy of it was found at the other site"


def define_again(context: Context, definition: MachineDefinition, tag: str | None) -> str:
    """Define the machine again, powered off; returns a sentence. If a machine of that id is there, its owner
    defined it meanwhile: it is not replaced."""
    found = context.fabric.inventory.get(definition.fabric_id)
    if found is None or (found.definition, found.tag) == (definition, tag):  # or this was cut off
        context.fabric.hosting.restore(definition, tag)
        return f"{definition.name} is defined again as it was, powered off"
    if tag is None and found.tag == context.machine_id:
        context.fabric.tracking.disable(found.fabric_id)
    context.fabric.hosting.release(definition.fabric_id)
    return f"{found.name} is defined there already"
