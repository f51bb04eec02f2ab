"""Orders of a commit: fix the point, move a machine that came home to its own disks, remove the other
copy."""

from pathlib import Path

from ...domain import errors
from ...fabrics.interface import MachineSummary, PowerState
from ...ground import seams
from ...wire.control.orders import CommitPoint, FabricMachine, Nothing, RemoveMachine
from ..shared import withdrawn_definitions
from ..source import Source
from ..target import HostedReplica
from . import machine_tags
from .context import Context
from .networks import reserving
from .power import take_away
from .runs import FAILOVER, end_forgotten_drills, key_of


def commit_point(context: Context, payload: CommitPoint) -> tuple[str, Nothing]:
    """Keep the failover's point and delete the others. The replica takes no more cycles. The point that
    counts is the one that the machine stands on: a vault that was restored from an older backup may name
    another one, and starting from that would lose what the machine wrote."""
    hosted = context.hosted()
    with context.alone(hosted, "committing"):
        run = hosted.replica.state.run(FAILOVER)
        if run is None:
            raise errors.NotPossibleNow(
                f"No failed-over machine stands on {hosted}, so there is nothing to commit.",
                do="Fail over or change the recovery point first, then commit.",
            )
        hosted.save(accepting=False)
        end_forgotten_drills(context, hosted)
        sentence = context.parts.host.commit(hosted)
        hosted.refresh()
    known = run.point_id == payload.point_id
    return sentence + ("" if known else f"; the vault knew of {payload.point_id} only"), Nothing()


def consolidate(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """Move a machine that came home to its own old disk files; the replica is then no longer needed. From
    now on it starts with its host again, if it did before it was failed over."""
    hosted = context.parts.host.find(context.machine_id)
    with context.alone(hosted, "consolidating"):
        machine_tags.found(context, payload.fabric_id)
        context.parts.replication.fences.lower(context.machine_id, payload.fabric_id, None)
        if hosted is None:
            return "the machine was already on its own disks", Nothing()
        own = {
            disk.key: Path(disk.base) for disk in hosted.replica.state.disks if Path(disk.base).is_absolute()
        }
        if len(own) != len(hosted.replica.state.disks):
            _forget_withdrawn(context, hosted)
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
        _forget_withdrawn(context, hosted)
        # its points stood on these disks
        sentence = context.parts.host.remove(hosted, keep_points=False)
    return f"the machine runs on its own disks again; {sentence}", Nothing()


def _forget_withdrawn(context: Context, hosted: HostedReplica) -> None:
    """Forget the definition that was kept: the commit makes the machine's return final."""
    if hosted.setup.existing_fabric_id:
        withdrawn_definitions.forget(context.state, hosted.setup.existing_fabric_id)
        context.fabric.hosting.release(hosted.setup.existing_fabric_id)


def remove_machine(context: Context, payload: RemoveMachine) -> tuple[str, Nothing]:
    """Remove the machine at the site that was left; its definition and disks stay for the way back."""
    source = context.parts.replication.find(context.machine_id)
    if source is not None and source.setup.fabric_id != payload.fabric_id:
        source = None
    with context.alone(source, "removing the machine", interrupt=True):
        found, ended = machine_tags.found(context, payload.fabric_id), ""
        if found is not None:
            _require_left(context, found, source)
            ended = take_away(context, found, source, payload.disks)
        elif source is not None:
            context.parts.replication.remove(source)
        context.parts.replication.fences.forget(context.machine_id)
        context.state.remove_fact(key_of(context, FAILOVER))
        back = reserving.released(context)
    if found is None:
        return f"the machine was already removed{back}", Nothing()
    return f"removed {found.name}{ended}; its disks stay for the way back{back}", Nothing()


def _require_left(context: Context, found: MachineSummary, source: Source | None) -> None:
    """Raises NotPossibleNow for a machine that runs here and is neither replicated from here nor fenced:
    nothing says that it was failed over, so it may be production."""
    known = source is not None or context.parts.replication.fences.find(context.machine_id) is not None
    if found.power is not PowerState.OFF and not known:
        raise errors.NotPossibleNow(
            (
                f"{found.name} runs here, and this appliance does not know that it was failed over, so it is "
                "not removed."
            ),
            do=(
                "Look where the machine is in use. If this copy is not needed, shut it down; then retry the "
                "job."
            ),
        )
