"""Orders of a commit: fix the point, move a machine that came home to its own disks, remove the other
copy."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ...domain import errors, shell
from ...fabrics.interface import MachineSummary, PowerState
from ...ground import seams
from ...wire.control.orders import CommitPoint, FabricMachine, Nothing, RemoveMachine
from ..shared import merging_key, withdrawn_definitions
from ..source import Source
from ..target import HostedReplica, old_disks
from . import machine_tags
from .context import Context
from .networks import reserving
from .power import take_away
from .runs import FAILOVER, end_forgotten_drills, key_of, machine_of


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
        fact = machine_of(context, FAILOVER)
        _require_on_its_run(context, hosted, fact.fabric_id if fact else hosted.setup.existing_fabric_id)
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
        if hosted is not None:
            _require_on_its_run(context, hosted, payload.fabric_id)
        context.parts.replication.fences.lower(context.machine_id, payload.fabric_id, None)
        if hosted is None:
            context.state.remove_fact(merging_key(context.machine_id))
            return "the machine was already on its own disks", Nothing()
        own = old_disks.own(hosted)
        if len(own) != len(hosted.replica.state.disks):
            forget_withdrawn(context, hosted)
            return "the machine's disks lie in the replica and stay there", Nothing()
        # QEMU must not find the images in use by our storage daemon or by a scrub
        hosted.replica.let_go(context.left_seconds())
        with _merging(context, hosted, payload.fabric_id):
            context.fabric.hosting.consolidate(
                payload.fabric_id,
                own,
                lambda fraction: context.progress(fraction, "merging into the original disks"),
            )
        seams.reach("appliance.run.consolidated")
        context.state.remove_fact(key_of(context, FAILOVER))
        forget_withdrawn(context, hosted)
        # its points stood on these disks
        sentence = context.parts.host.remove(hosted, keep_points=False)
        context.state.remove_fact(merging_key(context.machine_id))
    return f"the machine runs on its own disks again; {sentence}", Nothing()


def _require_on_its_run(context: Context, hosted: HostedReplica, fabric_id: str | None) -> None:
    """Raises NotPossibleNow if a machine that came home is not on the run's overlays, which have all that it
    wrote since, or if somebody wrote below these. An owner applied his own file of the definition again, as
    Terraform does: the machine was on its old disks, that was taken for "merged before", and the overlays
    were deleted. Raises OldDiskAway."""
    if fabric_id and context.fabric.hosting.stands_alone(fabric_id):
        return
    hosted.replica.require_bases()  # else it would be merged over somebody else's disk
    if context.state.fact(merging_key(context.machine_id)) == str(hosted.replica.state.epoch):
        return  # the merge itself moves the disks, and may have been cut off
    found = context.fabric.inventory.get(fabric_id) if fabric_id else None
    strayed = None if found is None else _strayed(context, hosted, found)
    if found is None or not strayed:
        _require_unwritten(hosted)
        return
    overlays, first = hosted.replica.files.run(FAILOVER), "shut it down, " if strayed.now else ""
    raise errors.NotPossibleNow(
        f"{strayed.what(found.name)} What it wrote since it came home is in {overlays}, unless that was "
        "merged into its old disks by hand; so nothing is merged or deleted.",
        do=f"If it was defined anew: {first}put the files that it came home with ({strayed.right}) into its "
        f"definition again ('virsh edit {shell.arguments(found.name)}'), check its file systems, and retry "
        "the job. If they were merged by hand ('virsh blockcommit'): 'secondsite machine disable-protection "
        f"{shell.arguments(hosted.setup.machine_name)}' leaves the machine and all files as they are.",
    )


def _strayed(context: Context, hosted: HostedReplica, found: MachineSummary) -> old_disks.StrayedDisks:
    return old_disks.strayed(hosted, context.fabric.inventory.holding(found.fabric_id))


def _require_unwritten(hosted: HostedReplica) -> None:
    """Raises NotPossibleNow if somebody wrote below the disks of a machine that came home: a merge would mix
    that with what it wrote, and remove what both could be had from."""
    written = hosted.replica.written_below(FAILOVER)
    if written:
        name = hosted.setup.machine_name
        raise errors.NotPossibleNow(
            f"{old_disks.written_said(hosted, written)} So nothing is merged or deleted.",
            do=f"Check the file systems and the data of {name}. If they are whole, accept what was written: "
            f"remove {hosted.replica.files.run_bases(FAILOVER)} as root at this site, and retry the job, "
            "which merges the disks. If not, "
            f"'secondsite machine show {shell.arguments(name)}' says what is possible.",
        )


@contextmanager
def _merging(context: Context, hosted: HostedReplica, fabric_id: str) -> Iterator[None]:
    """Inside, the machine's disks move to its own files; a repeat after an interruption finds some there.
    After an error that came before any disk had moved, a repeat looks again where they are."""
    context.state.put_fact(merging_key(context.machine_id), str(hosted.replica.state.epoch))
    context.fabric.hosting.release(fabric_id)  # from here on it may be on its own disks
    seams.reach("appliance.run.merging")
    try:
        yield
    except Exception:
        with suppress(errors.SecondsiteError):
            found = context.fabric.inventory.get(fabric_id)
            if found is not None and not _strayed(context, hosted, found):
                hosted.replica.wrote_below(FAILOVER)  # perhaps a part of what the overlays have
                context.state.remove_fact(merging_key(context.machine_id))
        raise


def forget_withdrawn(context: Context, hosted: HostedReplica) -> None:
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
        if payload.stays:
            context.parts.replication.fences.stay(context.machine_id, payload.fabric_id)
        else:
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
