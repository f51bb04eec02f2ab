"""Orders about the source's own machine: its power, and its withdrawal."""

import itertools
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from ...datapath.disks import same_files
from ...domain import errors, shell
from ...domain.amounts import span
from ...domain.power_states import obstacle, require_able, stands_still
from ...fabrics.interface import MachineSummary, PowerState
from ...ground import real_files, seams
from ...wire.control.checks import ObstacleShape
from ...wire.control.orders import FabricMachine, Nothing, PowerFact, Restart, ShutDown, Withdraw
from ..shared import withdrawn_definitions
from ..source import Source
from ..target import FAILOVER, HostedReplica
from . import group_pauses, machine_tags, runs, withdrawn_shutdown
from .context import Context
from .dns import addresses

OLD_COPY_GRACE_SECONDS = 60.0


def state(context: Context, payload: FabricMachine) -> tuple[str, PowerFact]:
    power = _seen(context, payload.fabric_id)
    asked = payload.tell_addresses and power is PowerState.RUNNING
    told = addresses.bounded(addresses.known(context, payload.fabric_id)) if asked else {}
    in_the_way = tuple(_to_leaving(context, payload.fabric_id, power)) if payload.leaves else ()
    cannot = context.fabric.power.cannot_start(payload.fabric_id) if payload.comes_back else None
    if cannot is not None:
        in_the_way = (*in_the_way, ObstacleShape(what=cannot.what, do=cannot.do))
    fact = PowerFact(
        power=str(power), addresses=told, obstacles=in_the_way,
        stands_alone=context.fabric.hosting.stands_alone(payload.fabric_id),
    )  # fmt: skip
    return f"the machine is {power}", fact


def _seen(context: Context, fabric_id: str) -> PowerState:
    """Its power; elsewhere for a failed-over machine that was migrated away together with its definition."""
    power = group_pauses.power(context, fabric_id)
    hosted = context.parts.host.find(context.order.machine_id or "")
    if power is not PowerState.MISSING or hosted is None or not hosted.runs_unseen:
        return power
    fact = runs.machine_of(context, FAILOVER)
    return PowerState.ELSEWHERE if fact is None or fact.fabric_id == fabric_id else power


def _to_leaving(context: Context, fabric_id: str, power: PowerState) -> Iterator[ObstacleShape]:
    """Obstacles that would otherwise be found only when the machine is off, and could neither be moved nor
    started again."""
    found = machine_tags.looked_for(context, fabric_id)
    if found is None:
        return
    yield from machine_tags.obstacles(context, found)
    try:
        require_able(power, found.name)
    except errors.NotPossibleNow as problem:
        yield ObstacleShape(what=problem.message, do=problem.do)
    yield from _of_other_disks(context, found)
    yield from _of_pools(context, found)
    if not context.fabric.power.stays_defined(fabric_id):
        yield ObstacleShape(
            what=f"{found.name} is transient: its definition vanishes when it is shut down.",
            do=(
                f"Define it: 'virsh dumpxml --migratable {shell.arguments(found.name)} > FILE', then 'virsh "
                "define FILE'."
            ),
        )


def _of_other_disks(context: Context, found: MachineSummary) -> Iterator[ObstacleShape]:
    """Once it is off, its disks are those of its next start: what it wrote to others would not be sent."""
    source = context.parts.replication.find(context.order.machine_id or "")
    disks = context.fabric.inventory.holding(found.fabric_id).disks if found.power.is_on and source else ()
    kept = {disk.key: disk.path for disk in disks if disk.kept}
    running = {disk.key: disk.path for disk in reversed(disks) if disk.now}  # copies of it come after a disk
    for key in source.setup.disks if source else ():
        path, following = running.get(key, ""), kept.get(key, "")
        if path and not _is_one_file(path, following):
            yield ObstacleShape(
                what=f"{found.name} runs on {path} as {key}, and its next start would take "
                f"{following or 'a file that is not known'}: what it writes now would be left behind.",
                do="Define it with the disks that it runs on ('virsh domblklist' shows them, with --inactive "
                "those of the next start), or restart it on the others.",
            )


def _of_pools(context: Context, found: MachineSummary) -> Iterator[ObstacleShape]:
    """Once it is off it could not be started here again, if its move is undone."""
    for disk in context.fabric.inventory.holding(found.fabric_id).disks:
        if disk.inactive_pool:
            yield ObstacleShape(
                what=f"{disk.key} of {found.name} is a volume of the storage pool {disk.inactive_pool}, "
                "which is not active: once it is off, it cannot start here again.",
                do=f"Start the pool: 'virsh pool-start {shell.arguments(disk.inactive_pool)}'.",
            )


def _is_one_file(path: str, other: str) -> bool:
    found = same_files.identity(path)
    return path == other or (found is not None and found == same_files.identity(other))


def shut_down(context: Context, payload: ShutDown) -> tuple[str, PowerFact]:
    """Shut the machine down. A cycle in progress is given up first: the shutdown would end its job anyway
    (P7)."""
    source = context.parts.replication.find(context.order.machine_id or "")
    with context.alone(source or _replica(context), "shutting down", interrupt=True):
        answer = _shut_down(context, payload)
        if source is not None:
            source.saw(PowerState(answer[1].power))
    return answer


def _shut_down(context: Context, payload: ShutDown) -> tuple[str, PowerFact]:
    before = group_pauses.power(context, payload.fabric_id)
    if before in (PowerState.OFF, PowerState.MISSING):
        withdrawn_shutdown.is_off(context)
        return f"the machine was already {before}", PowerFact(power=str(before), already=True)
    found = ours(context, payload.fabric_id)
    obstacle(before, found.name)
    if not payload.force:
        stands_still(before, found.name)
        for left in _of_other_disks(context, found):
            raise errors.NotPossibleNow(left.what, do=left.do)
    withdrawn_shutdown.asks(context, payload.fabric_id)
    seams.reach("appliance.machine.to-be-asked")
    with context.fabric.tracking.keeping(payload.fabric_id):
        did = _went_off(context, payload)
    withdrawn_shutdown.is_off(context)
    return did, PowerFact(power="off")


def _went_off(context: Context, payload: ShutDown) -> str:
    power, began = context.fabric.power, time.monotonic()
    if power.shut_down(payload.fabric_id, payload.grace_seconds):
        return f"shut the machine down in {time.monotonic() - began:.0f} s"
    if not payload.force:
        raise errors.DeadlineExceeded(
            f"The machine did not shut down within {payload.grace_seconds:.0f} s.",
            do=(
                "Try again, and shut it down from inside while that waits. Before, it would be started "
                "again: whoever goes off within half an hour may only be late."
            ),
        )
    power.stop(payload.fabric_id)
    return f"cut the power after {payload.grace_seconds:.0f} s without a shutdown"


def restart(context: Context, payload: Restart) -> tuple[str, PowerFact]:
    """Cancel a planned failover: start the machine, unless its owner has it off, and resume its
    replication."""
    source = context.parts.replication.find(context.machine_id)
    with context.alone(source or _replica(context), "resuming", interrupt=True):
        machine_tags.found(context, payload.fabric_id)  # before its fence is asked for
        with context.parts.replication.fences.lifted(context.machine_id):
            did, found = (_started if payload.start else _left)(context, payload.fabric_id)
        context.parts.replication.fences.lower(context.machine_id, payload.fabric_id, source)
        if source is not None:
            source.change(paused=False)
            source.unchanged_fingerprint = None
            source.saw(found)
    if source is not None:
        source.hurry()
        context.parts.replication.poke()
    then = "resumed its replication" if source is not None else "it may start here again"
    return f"{did} and {then}", PowerFact(power=str(found))


def _replica(context: Context) -> HostedReplica | None:
    """The replica that a failed-over machine runs on, if the machine is not replicated from here. Its lock
    puts orders about the machine's power one after the other: else one could start it while another still
    shuts it down."""
    return context.parts.host.find(context.order.machine_id or "")


def _started(context: Context, fabric_id: str) -> tuple[str, PowerState]:
    _not_anothers(context, fabric_id)
    found = context.fabric.power.state(fabric_id)
    watched = withdrawn_shutdown.take_back(context, found)
    if found in (PowerState.SAVED, PowerState.ELSEWHERE):
        return f"left the machine as its owner did ({found})", found
    if found is PowerState.OFF:
        _require_its_devices(context, fabric_id)
    context.fabric.power.start(fabric_id)
    if found.is_on and found is not PowerState.RUNNING:
        return _as_its_owner_left_it(context, fabric_id)
    if watched:
        return (
            (
                "the machine had not gone off (if it does within "
                f"{span(withdrawn_shutdown.WATCHED_SECONDS)}, it is started again)"
            ),
            PowerState.RUNNING,
        )
    did = "the machine was running already" if found is PowerState.RUNNING else "started the machine"
    return did, PowerState.RUNNING


def _require_its_devices(context: Context, fabric_id: str) -> None:
    """Raises OldDiskAway if a disk's path leads to another device than when the machine ran here, as after a
    reboot of its host: its guest would write to somebody else's."""
    hosted, source = _replica(context), context.parts.replication.find(context.machine_id)
    if hosted is not None and hosted.failed_over:
        hosted.replica.require_bases()
    known = source.progress.devices if source else {}
    found = context.fabric.inventory.get(fabric_id)
    for disk in found.definition.disks if found else ():
        why = real_files.device_away(disk.path, known[disk.key]) if disk.key in known else ""
        if why:
            raise errors.OldDiskAway(
                f"The machine is not started: {disk.path}, its disk {disk.key}, {why}.",
                do="Attach the device there again, or put its present path into the machine's definition "
                "('virsh edit'), best one that stays, below /dev/disk/by-id; then retry. If the disk was "
                "moved to another device, start the machine by hand, then retry.",
            )


def _left(context: Context, fabric_id: str) -> tuple[str, PowerState]:
    """What to say of a machine that was off before it was to be moved."""
    _not_anothers(context, fabric_id)
    found = context.fabric.power.state(fabric_id)
    return f"left the machine as its owner did ({found})", found


def _as_its_owner_left_it(context: Context, fabric_id: str) -> tuple[str, PowerState]:
    """Start the machine unless its owner had it off; also after a start that was interrupted, which leaves it
    paused."""
    now = context.fabric.power.state(fabric_id)
    did = "started the machine" if now is PowerState.RUNNING else f"left the machine as its owner did ({now})"
    return did, now


def _not_anothers(context: Context, fabric_id: str) -> None:
    """Raises NotOurs for a machine that was protected anew since: here it may be the old copy. One without a
    tag is its owner's, and is off because of us."""
    found = machine_tags.found(context, fabric_id)
    if found is not None and found.tag not in (None, context.machine_id):
        raise errors.NotOurs(
            (
                f"Machine {found.name} at this site is tagged {found.tag}: it was protected anew, and is not "
                "started for what was before."
            ),
            do="See 'secondsite machine list' for where it runs now.",
        )


def withdraw(context: Context, payload: Withdraw) -> tuple[str, Nothing]:
    """End replication and remove the machine's definition, so that nobody can start it; its disks and a copy
    of the definition stay. A machine without our tag, or whose memory or disks somebody needs, is left
    alone."""
    replication = context.parts.replication
    source = replication.find(context.machine_id)
    with context.alone(source, "withdrawing the machine", interrupt=True):
        found = context.fabric.inventory.get(payload.fabric_id)
        if payload.left and found is not None and _is_anothers(context, found):
            return _let_go(context, found, source), Nothing()
        if found is not None:
            ended = take_away(context, found, source, payload.disks)
            sentence = f"withdrew {found.name}{ended}; {_its_disks(found)}"
        else:
            if source is not None:
                replication.remove(source)
            sentence = _withdrawn_before(context, payload.fabric_id)
        if payload.stays:
            replication.fences.stay(context.machine_id, payload.fabric_id)
        else:
            replication.fences.withdrawn(context.machine_id)
    return sentence, Nothing()


def _is_anothers(context: Context, found: MachineSummary) -> bool:
    """Whether it stands on a replica of another appliance of this hypervisor."""
    stores = context.parts.host.stores
    taken_over = (each for each in stores.neighbours if each.has(context.machine_id))
    folders = [each.folder for each in (*stores.all, *taken_over)]
    replica = (folders[0].name, context.machine_id)
    paths = [Path(disk.path) for disk in found.definition.disks]
    return any(
        replica in itertools.pairwise(path.parts) and not any(path.is_relative_to(own) for own in folders)
        for path in paths
    )


def _let_go(context: Context, found: MachineSummary, source: Source | None) -> str:
    """Stop looking after the machine, because the other appliance does: what runs is no copy that this one
    must keep from starting. Returns a sentence."""
    replication = context.parts.replication
    if source is not None:
        replication.remove(source)
    if context.fabric.power.state(found.fabric_id) is PowerState.RUNNING:
        replication.fences.lower(context.machine_id, found.fabric_id, source)
    replication.fences.forget(context.machine_id)
    return (
        f"{found.name} stands on disks of another appliance of this hypervisor: it is no old copy, and stays "
        "as it is"
    )


def take_away(context: Context, found: MachineSummary, source: Source | None, disks: Collection[str]) -> str:
    """Remove the definition of a machine of ours that runs at the other site; the caller has its lock. It is
    shut down only behind a fence: if this ends half way, nothing starts it. Returns what became of it if it
    was on, as the end of a sentence. Raises NotOurs, NotPossibleNow. `disks`: those that nobody else starts
    from; none: all."""
    ours(context, found.fabric_id)
    _not_a_failover_copy(context, found)
    power = context.fabric.power.state(found.fabric_id)
    obstacle(power, found.name, old_copy=True)
    if source is not None:
        withdrawn_definitions.expect(context.state, found.fabric_id, source.progress.devices)
        context.parts.replication.fences.raise_(source, "It runs at the other site.")
        context.parts.replication.fences.leave_alone(context.machine_id)
        context.parts.replication.remove(source)
    ended = "" if power is PowerState.OFF else _ended(context, found.fabric_id, power)
    context.fabric.tracking.acknowledge(found.fabric_id, None)
    withdrawn_definitions.remember(context.state, found.definition)
    seams.reach("appliance.machine.remembered")
    context.fabric.hosting.withdraw(found.fabric_id, context.machine_id, disks)
    seams.reach("appliance.machine.withdrawn")
    return ended


def _ended(context: Context, fabric_id: str, power: PowerState) -> str:
    """Shut an old copy down, whose guest may write; cut its power if it does not go off by itself."""
    does, asked = context.fabric.power, power is PowerState.RUNNING
    how = ", which ran and was shut down"
    if not (asked and does.shut_down(fabric_id, OLD_COPY_GRACE_SECONDS)):
        does.stop(fabric_id)
        why = f"ran and did not shut down within {span(OLD_COPY_GRACE_SECONDS)}" if asked else f"was {power}"
        how = f", which {why}: its power was cut"
    seams.reach("appliance.machine.stopped")
    return how


def _not_a_failover_copy(context: Context, found: MachineSummary) -> None:
    """Raises NotPossibleNow for a machine that was failed over to here, and not committed since: a vault that
    was restored from an older backup may take it for an old copy, and it is the newest one."""
    hosted = context.parts.host.find(context.machine_id)
    if hosted is None or not hosted.replica.state.run(FAILOVER) or hosted.replica.state.stands_on_its_run:
        return
    if runs.stands_on(context, hosted, found):
        raise errors.NotPossibleNow(
            (
                f"{found.name} at this site is a failover copy that was not committed, so it is no old copy "
                "that could give way."
            ),
            do=(
                "If it is the newest copy, as after a vault was restored from a backup: disable protection, "
                "and protect it from here."
            ),
        )


def ours(context: Context, fabric_id: str) -> MachineSummary:
    """The machine, which carries our tag; raises NotFound, NotOurs."""
    found = machine_tags.found(context, fabric_id)
    if found is None:
        raise errors.NotFound(
            f"The site has no machine {fabric_id}.",
            do=f"Look for it with '{context.fabric.properties.lists}'.",
        )
    if found.tag != context.machine_id:
        carries = f"is tagged {found.tag}" if found.tag else "carries no secondsite tag"
        raise errors.NotOurs(
            f"Machine {found.name} at this site {carries}, so it is left alone.",
            do="If it is the protected machine, defined anew, shut it down and remove the definition ('virsh "
            "undefine'); its disks stay. Then retry the job.",
        )
    return found


SHOWN = 4


def _its_disks(found: MachineSummary) -> str:
    """Where to find what the machine wrote last, as a part of a sentence: a replica stands on these files,
    and writes above them."""
    paths = [disk.path for disk in found.definition.disks if disk.path]
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    where = f" ({', '.join(paths[:SHOWN])}{more})" if paths else ""
    return f"its disks{where} stay as they are until a failback is committed"


def _withdrawn_before(context: Context, fabric_id: str) -> str:
    """A sentence about a machine that is not here any more; raises NotFound if it was never withdrawn
    here."""
    if withdrawn_definitions.recall(context.state, fabric_id) is None:
        raise errors.NotFound(
            f"The site has no machine {fabric_id}, and it was not withdrawn here.",
            do="Reprotect to an alternate location (a full copy).",
        )
    return "the machine was already withdrawn"
