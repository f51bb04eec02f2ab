"""Orders that make, take over, open, close and remove a replica."""

from pathlib import Path

import structlog

from ...domain import errors, shell
from ...fabrics.interface import PowerState
from ...ground.plural import counted
from ...wire.common.stores import MOST_SIGNS
from ...wire.control.orders import (
    AcceptCycles,
    Nothing,
    RemoveReplica,
    StopReplication,
    TakenReplica,
    TakeReplica,
)
from ...wire.control.setups import ReplicaSetup
from ..shared import ended_protections, withdrawn_definitions
from ..target import FAILOVER, HostedReplica, ReplicaTakeover, StillOpen
from . import last_copy, left_copy, runs
from .context import ApplianceParts, Context
from .networks import drill_networks

PREPARING, REMOVING = "preparing the replica", "removing the replica"
TAKING = "taking the replica over"
LEFT_SECONDS = 10.0
NOT_HERE = (PowerState.OFF, PowerState.MISSING, PowerState.ELSEWHERE)

log = structlog.get_logger(__name__)


def prepare(context: Context, setup: ReplicaSetup) -> tuple[str, Nothing]:
    """The site holds a replica from now on. Raises StaleOrder if the machine's protection has ended."""
    ended_protections.require_not(context.state, setup.machine_id, setup.machine_name)
    host = context.parts.host
    if setup.lies_here and host.stores.holding(setup.machine_id) is None:
        host.get(setup.machine_id)  # raises NotFound
    with (
        host.arrival(setup.machine_id, PREPARING, context.left_seconds()),
        context.alone(host.find(setup.machine_id), PREPARING),
    ):
        sentence = host.prepare(setup)
        context.parts.work.wanted(host.get(setup.machine_id))
    return sentence, Nothing()


def take_replica(context: Context, payload: TakeReplica) -> tuple[str, TakenReplica]:
    """The replica is this appliance's from now on. Raises NotPossibleNow while its former one may write to
    it, or while a copy may run on it."""
    host, setup = context.parts.host, payload.setup
    with host.arrival(setup.machine_id, TAKING, context.left_seconds()):
        hosted = host.find(setup.machine_id)
        if hosted is None:
            context.require_current()
            taking = ReplicaTakeover(host, payload)
            try:
                hosted = taking.take(min(payload.wait_seconds, context.left_seconds()))
            except StillOpen as problem:
                raise _open_here(context, payload, problem) or problem from None
        with context.alone(hosted, TAKING):
            hosted.save(accepting=payload.accepting and not hosted.failed_over)
            still = _end_former_drills(context, hosted)
        context.parts.work.wanted(hosted)
    points = counted(len(hosted.replica.point_ids), "recovery point")
    said = f"the replica of {setup.machine_name}, with {points}, is taken over{still}"
    return said, TakenReplica(tokens=tuple(host.stores.of(hosted).owners.signs()[:MOST_SIGNS]))


def _open_here(
    context: Context, payload: TakeReplica, problem: errors.NotPossibleNow
) -> errors.NotPossibleNow | None:
    """What to do if it is a machine of this very host that has it open: it was migrated here. None: it is
    not."""
    for each in context.fabric.inventory.list():
        paths = (Path(disk.path) for disk in each.definition.disks)
        if each.power.is_on and any(payload.setup.machine_id in path.parts for path in paths):
            return errors.NotPossibleNow(
                f"{problem.message} It is {each.name}, which runs at this host.",
                do=f"Shut it down here ('virsh shutdown {shell.arguments(each.name)}', with the URI of this "
                "appliance's hypervisor), and try again: it goes on from these disks.",
            )
    return None


def _end_former_drills(context: Context, hosted: HostedReplica) -> str:
    """Let go of the drills of the former host; the end of a sentence. A copy that still runs there stands on
    files without a name, and its host removes it when it is back."""
    ours = {key.rsplit("/", 1)[-1] for key in context.state.facts(f"run/{hosted.machine_id}/")}
    former = [run.name for run in hosted.replica.state.runs if run.name not in (FAILOVER, *ours)]
    for name in former:
        hosted.replica.close_run(name)
    return "; its test failover at the former host has ended" if former else ""


def forget_moved(parts: ApplianceParts, machine_id: str) -> None:
    """Remove the copies of a machine that are defined here on a replica which another appliance has by now.
    One that was failed over and runs is only kept from starting again: a person has to look at it. It is
    repeated until none is left, or the replica is here again."""
    with parts.host.arrival(machine_id, "removing what is left of it", LEFT_SECONDS):
        if machine_id not in parts.state.replicas():
            known = parts.state.facts(f"run/{machine_id}/").items()
            left = [key for key, said in known if not _is_forgotten(parts, machine_id, key, said)]
            if left:
                return
            drill_networks.leave_all(parts.state, parts.fabric, machine_id)
        parts.host.forget_moved(machine_id)


def _is_forgotten(parts: ApplianceParts, machine_id: str, key: str, said: str) -> bool:
    """Whether the copy of this run is gone. The files stay as they are: another host's copy uses them."""
    fact = runs.RunFact.model_validate_json(said)
    try:
        power = parts.fabric.power.state(fact.fabric_id)
        if key.endswith(f"/{FAILOVER}") and power not in NOT_HERE:
            log.error("copy.runs-against-record", machine=machine_id, name=fact.name, power=power)
            parts.fabric.power.forbid_start(fact.fabric_id, machine_id)
            return False
        parts.fabric.hosting.remove(fact.fabric_id, machine_id, leave_files=True)
    except errors.SecondsiteError as problem:
        log.warning("copy.not-removed", machine=machine_id, problem=problem.message)
        return False
    parts.state.remove_fact(key)
    return True


def accept_cycles(context: Context, payload: AcceptCycles) -> tuple[str, Nothing]:
    hosted = context.hosted()
    with context.alone(hosted, "opening or closing the inbox"):
        if payload.accepting:
            hosted.require_no_copy()
        was = hosted.accepting
        hosted.save(accepting=payload.accepting)
    admission = "open" if payload.accepting else "closed"
    return f"the inbox {'was already' if was is payload.accepting else 'is now'} {admission}", Nothing()


def remove(context: Context, payload: RemoveReplica) -> tuple[str, Nothing]:
    with context.parts.host.arrival(context.machine_id, REMOVING, context.left_seconds()):
        return _removed(context, payload)


def _removed(context: Context, payload: RemoveReplica) -> tuple[str, Nothing]:
    hosted = context.parts.host.find(context.machine_id)
    sentence, kept = "there was no replica", False
    with context.alone(hosted, REMOVING):
        if hosted is not None and payload.made_by not in (None, hosted.setup.made_by):
            # nor is what was withdrawn for it defined again
            return "left the replica that was there before", Nothing()
        if hosted is not None:
            kept = _keeps_its_machine(context, hosted, payload)
            if kept and payload.given_up:
                left_copy.require_off(context)
            if payload.keep_points and not kept and last_copy.has_points(hosted):
                # nor is the old machine defined again on whose disks they may lie
                sentence, kept = last_copy.leave_points(context, hosted), True
            else:
                sentence = _remove(context, hosted, payload, kept)
        elif payload.keep_running:
            if payload.given_up:
                left_copy.require_off(context)
            # this appliance's own records may be from an old backup
            _let_go_of_its_machine(context)
        if hosted is None:
            sentence = context.parts.host.forget_unopened(context.machine_id) or sentence
        if payload.restore_machine and not kept:
            sentence += "; " + _restore(context, payload)
    if payload.ended:
        _unwatch(context, payload)
        ended_protections.remember(context.state, context.machine_id)
    return sentence, Nothing()


def _unwatch(context: Context, payload: RemoveReplica) -> None:
    """Let its owner start what is defined here of a machine that went on to a further site: its disks here
    are gone. At home the fence was taken down with its old definition."""
    fence = context.parts.replication.fences.find(context.machine_id)
    if fence is not None and fence.left_alone and not payload.restore_machine:
        _let_go_of_its_machine(context)


def _keeps_its_machine(context: Context, hosted: HostedReplica, payload: RemoveReplica) -> bool:
    """Whether a machine stands on the replica; its files then stay with the machine. Raises NotPossibleNow
    for a failed-over copy that is not to be kept: the vault may remove it first. What was committed is kept
    in any case: a vault that was restored from an old backup may not know of it. A failover whose machine was
    never made keeps nothing; one that was begun without a vault has no machine here, and what it wrote in
    the emergency was deleted with its overlays."""
    state = hosted.replica.state
    if state.run(FAILOVER) is None:
        return False
    machine = runs.machine_of(context, FAILOVER)
    made = _is_made(context, hosted, payload)
    if not made and machine is not None and machine.made:
        return True  # its owner undefined it, or runs it on another host: its disks are theirs
    rescued = not made and runs.may_be_rescued(hosted, machine)
    if not (made or rescued or state.stands_on_its_run):
        return False
    if not payload.keep_running and not state.stands_on_its_run:
        raise (
            _started_without_us(context, hosted)
            if rescued
            else errors.NotPossibleNow(
                f"A machine runs on {hosted}, so its files cannot be removed.",
                do="Keep the machine running, or remove it first.",
            )
        )
    return payload.keep_running or made or machine is not None


def _started_without_us(context: Context, hosted: HostedReplica) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"A copy of {hosted.setup.machine_name} was started here without the vault, and what it wrote since "
        "would be lost, so its files are not removed.",
        do=f"Take it over: '{runs.take_over(context, hosted)}'. If it is not needed, cancel that failover "
        "then.",
    )


def _is_made(context: Context, hosted: HostedReplica, payload: RemoveReplica) -> bool:
    """Whether a machine with our tag is defined on the failover's run."""
    ours = [found for found in context.fabric.inventory.list() if found.tag == context.machine_id]
    return any(payload.keep_running or runs.stands_on(context, hosted, found) for found in ours)


def is_stood_on(context: Context) -> bool:
    """Whether a machine here may stand on the replica that this site has. Call it before the machine loses
    our tag."""
    hosted = context.parts.host.find(context.machine_id)
    if hosted is None or hosted.replica.state.run(FAILOVER) is None:
        return False
    machine = runs.machine_of(context, FAILOVER)
    return (
        machine is not None
        or runs.may_be_rescued(hosted, machine)
        or any(
            found.tag == context.machine_id or runs.stands_on(context, hosted, found)
            for found in context.fabric.inventory.list()
        )
    )


def remove_left(context: Context, payload: StopReplication, *, keep_files: bool) -> str:
    """Remove a replica that is left here of a machine that was replicated from here: of an earlier direction,
    or of a reprotect that was never undone. What may be the last copy of the machine stays. Returns the end
    of a sentence."""
    hosted = context.parts.host.find(context.machine_id)
    removal = RemoveReplica(restore_machine=payload.restore_machine)
    with context.alone(hosted, REMOVING):
        said = None if hosted is None or keep_files else last_copy.stays(context, hosted, payload)
        if said is not None:
            return f"; {said}"
        done = [] if hosted is None else [_remove(context, hosted, removal, keep_files)]
        if context.state.fact(_restore_key(context)) is not None:
            done.append(_restore(context, removal))
        if hosted is not None and not keep_files and payload.fabric_id:
            withdrawn_definitions.forget(context.state, payload.fabric_id)  # its disks are gone
            context.fabric.hosting.release(payload.fabric_id)
    return "".join(f"; {each}" for each in done)


def leave_to_owner(context: Context, hosted: HostedReplica, fabric_id: str) -> None:
    """Leave a failed-over machine to its owner, because the vault has forgotten its replica: it runs on, with
    the files that it has. A drill that was forgotten too ends. The context is about the forgotten machine."""
    with context.alone(hosted, "leaving the failed-over machine to its owner"):
        runs.end_forgotten_drills(context, hosted)
        context.parts.host.commit(hosted)
        context.fabric.tracking.disable(fabric_id)
        _release_old_disks(context, hosted)
        context.parts.host.remove(hosted, keep_files=True)


def _release_old_disks(context: Context, hosted: HostedReplica) -> None:
    """Let its owner start whatever they like from the old disks of a machine that came home."""
    if hosted.setup.existing_fabric_id:
        context.fabric.hosting.release(hosted.setup.existing_fabric_id)


def _remove(context: Context, hosted: HostedReplica, payload: RemoveReplica, keep: bool) -> str:
    runs.end_forgotten_drills(context, hosted)
    for run in list(hosted.replica.state.runs):
        if not (keep or hosted.replica.state.stands_on_its_run):
            runs.end(context, hosted, run.name)
    stands = ""
    if keep:
        stands = _who_stands_on(context, hosted)
        # Nothing but its files tells of one that was started without us: a repeat of the order must see that.
        if not runs.may_be_rescued(hosted, runs.machine_of(context, FAILOVER)):
            context.parts.host.commit(hosted)
        _let_go_of_its_machine(context)
        _release_old_disks(context, hosted)
    if payload.restore_machine and hosted.setup.existing_fabric_id:
        # remembered for a repeat of the order after the replica is gone
        context.state.put_fact(_restore_key(context), hosted.setup.existing_fabric_id)
    return context.parts.host.remove(hosted, keep_files=keep) + stands


def _who_stands_on(context: Context, hosted: HostedReplica) -> str:
    """Which machine stands on files that stay, as the end of a sentence. Call it before the machine loses our
    tag."""
    found = next(
        (each for each in context.fabric.inventory.list() if runs.stands_on(context, hosted, each)), None
    )
    if found is None:
        overlays = hosted.replica.files.run(FAILOVER)
        return (
            f": no machine that stands on them is defined here; its disks are those in {overlays}, with "
            "what lies below them, and are deleted by nobody"
        )
    power = context.fabric.power.state(found.fabric_id)
    if power in runs.NOT_RUNNING or power is PowerState.SAVED:
        return f" for {found.name}, which is {power} here and stands on them"
    return f" for {found.name}, which runs on them"


def _let_go_of_its_machine(context: Context) -> None:
    """Take our tag off the machine and end its replication from here, if there is any: it is its owner's now,
    and can be protected anew."""
    source = context.parts.replication.find(context.machine_id)
    if source is not None:
        with context.alone(source, "ending replication", interrupt=True):
            context.parts.replication.remove(source)
    context.parts.replication.fences.abandon(context.machine_id)
    for found in runs.tagged(context):
        context.fabric.tracking.disable(found.fabric_id)


def _restore_key(context: Context) -> str:
    return f"restore/{context.machine_id}"


def _restore(context: Context, payload: RemoveReplica) -> str:
    fabric_id = context.state.fact(_restore_key(context)) or payload.fabric_id
    definition = withdrawn_definitions.recall(context.state, fabric_id) if fabric_id else None
    if definition is None:
        return "no machine was withdrawn here"
    fences = context.parts.replication.fences
    sentence = last_copy.define_again(
        context, definition, context.machine_id if payload.still_protected else None
    )
    if payload.still_protected:
        fences.again(context.machine_id, definition.fabric_id)
    else:
        fences.forget(context.machine_id)
    withdrawn_definitions.forget(context.state, definition.fabric_id)
    context.state.remove_fact(_restore_key(context))
    return sentence
