"""Orders that start, pause, change and end the replication of a machine from here."""

from ...domain import errors
from ...wire.control.orders import Nothing, StopReplication, UpdatePolicy
from ...wire.control.setups import SourceSetup
from ..shared import ended_protections
from ..source import Source
from ..source import progress as progresses
from . import left_copy, machine_tags, replica, runs
from .context import Context


def start_replication(context: Context, setup: SourceSetup) -> tuple[str, Nothing]:
    """Tag the machine and record the setup; the loop does the rest. Raises StaleOrder if its protection
    has ended."""
    ended_protections.require_not(context.state, setup.machine_id, setup.machine_name)
    _end_forgotten(context, setup)
    replication = context.parts.replication
    source = replication.find(setup.machine_id)
    newer = source is not None and source.setup.epoch != setup.epoch
    with context.alone(source, "a new setup", interrupt=newer):
        _let_go_of_copied(context, setup)
        context.fabric.tracking.enable(setup.fabric_id, setup.machine_id)
        replication.fences.lower(setup.machine_id, setup.fabric_id, source)
        changed = replication.add(setup)
    how = "is replicated from now on" if changed else "was already replicated"
    return f"{setup.machine_name} {how}, epoch {setup.epoch}", Nothing()


def _end_forgotten(context: Context, setup: SourceSetup) -> None:
    """End what is here of the machine under an earlier id: a vault restored from an older backup protects it
    anew, under another id. Nobody else gives orders here, so the vault has forgotten what is replicated, or
    was failed over, under the earlier one."""
    found = context.fabric.inventory.get(setup.fabric_id)
    tag = found.tag if found is not None else None
    known = context.parts.replication.find(tag) if tag not in (None, setup.machine_id) else None
    if known is not None and known.setup.fabric_id == setup.fabric_id:
        with context.alone(known, "beginning anew", interrupt=True):
            _let_go(context, known)
            context.parts.replication.remove(known)
    hosted = context.parts.host.find(tag) if tag not in (None, setup.machine_id) else None
    if hosted is not None and hosted.failed_over:
        replica.leave_to_owner(context.about(hosted.machine_id), hosted, setup.fabric_id)


def _let_go_of_copied(context: Context, setup: SourceSetup) -> None:
    """Let go of a clone of a protected machine: it has the original's tag, and bitmaps that mean nothing
    here."""
    found = context.fabric.inventory.get(setup.fabric_id)
    if found is not None and found.tag != setup.machine_id and machine_tags.copied(context, found):
        context.fabric.tracking.disable(setup.fabric_id)


def _let_go(context: Context, source: Source, *, copy_is_off: bool = False) -> str:
    """Give the machine back to its owner; returns what its autostart is now, as the end of a sentence. The
    caller has locked the source. `copy_is_off`: its copy is known to be off."""
    autostart = context.parts.replication.fences.abandon(source.machine_id, copy_is_off=copy_is_off)
    context.fabric.tracking.disable(source.setup.fabric_id)
    return autostart


def stop_replication(context: Context, payload: StopReplication) -> tuple[str, Nothing]:
    stood_on = payload.ended and replica.is_stood_on(context)
    sentence = _stop(context, payload)
    if payload.ended:
        sentence += replica.remove_left(context, payload, keep_files=stood_on)
        ended_protections.remember(context.state, context.machine_id)
    return sentence, Nothing()


def _stop(context: Context, payload: StopReplication) -> str:
    source = context.parts.replication.find(context.machine_id)
    with context.alone(source, "ending replication", interrupt=True):
        if payload.given_up:
            left_copy.require_off(context)
        if source is None:
            if payload.forget:
                _free_old_copy(context)
            context.parts.replication.forget_unread(context.machine_id)
            return "the machine was not replicated from here"
        autostart = _let_go(context, source, copy_is_off=payload.copy_is_off) if payload.forget else ""
        context.parts.replication.remove(source)
    return f"ended replication of {source.setup.machine_name}{autostart}"


def _free_old_copy(context: Context) -> None:
    """Give back to its owner what carries the machine's tag here: the old copy that an undone reprotect left,
    or a machine that this appliance's database does not have."""
    fences, power = context.parts.replication.fences, context.fabric.power
    fenced = fences.find(context.machine_id) is not None
    for found in runs.tagged(context):
        with_host = not fenced and power.starts_with_host(found.fabric_id)
        if not fenced or context.fabric.properties.hosts:
            power.allow_start(found.fabric_id, context.machine_id, with_host=with_host)
        context.fabric.tracking.disable(found.fabric_id)
    fences.forget(context.machine_id)


def pause_replication(context: Context, _payload: Nothing) -> tuple[str, Nothing]:
    """Stop sending, because the machine is being failed over; it must not start here from now on."""
    source = context.parts.replication.find(context.machine_id)
    if source is None:
        return _pause_forgotten(context), Nothing()
    with context.alone(source, "pausing", interrupt=True):
        was = source.progress.paused
        try:
            if not was:
                source.change(paused=True)
        finally:  # in a full home it is fenced all the same
            fenced = _fenced(context, source)
    how = "was already paused" if was else "is paused"
    return f"replication of {source.setup.machine_name} {how}, {fenced}", Nothing()


def _pause_forgotten(context: Context) -> str:
    """Fence a machine that is not among the sources: it may be here nevertheless, if this appliance's
    database is from an old backup. Returns a sentence."""
    fenced = ""
    for found in runs.tagged(context):
        why = "It is being failed over to the other site."
        context.parts.replication.fences.raise_unknown(context.machine_id, found.fabric_id, why)
        fenced = f", and {found.name} does not start with its host"
    return f"the machine is not replicated from here, nothing to pause{fenced}"


def _fenced(context: Context, source: Source) -> str:
    """Fence the machine; returns a part of a sentence. If the fabric fails, the appliance enforces the fence
    later. Raises StoreFull if it cannot be written: it holds until the appliance ends."""
    try:
        context.parts.replication.fences.raise_(source, "It is being failed over to the other site.")
    except errors.StoreFull:
        raise
    except errors.SecondsiteError as error:
        return f"its autostart could not be turned off yet ({error.message.rstrip('.')})"
    return "it does not start with its host"


def resynchronize(context: Context, _payload: Nothing) -> tuple[str, Nothing]:
    """Compare all blocks. A source that was paused goes on: if its machine was failed over, the target
    refuses."""
    source = context.source()
    with context.alone(source, "resynchronizing", interrupt=True):
        again = progresses.restarted(source.progress, source.setup.disks)
        source.save(again.model_copy(update={"paused": False}))
        source.findings.add(
            "resynchronizing", "Asked for: all blocks are compared, those that differ are sent."
        )
        source.unchanged_fingerprint = None
    source.hurry()
    context.parts.replication.poke()
    return f"comparing all blocks of {source.setup.machine_name}", Nothing()


def update_policy(context: Context, payload: UpdatePolicy) -> tuple[str, Nothing]:
    """Apply a policy on whichever side this appliance is, and dial the target where it is reached now. The
    vault sends it at each connection; what is unchanged waits for no lock."""
    sides = [side for side in (_source_policy, _replica_policy) if side(context, payload)]
    if not sides:
        raise errors.NotFound(
            f"Machine {context.machine_id} is neither replicated from here nor to here.",
            do="List the machines with 'secondsite machine list'.",
        )
    return f"policy {payload.policy.name} applies from now on", Nothing()


def _source_policy(context: Context, told: UpdatePolicy) -> bool:
    source = context.parts.replication.find(context.machine_id)
    if source is not None and _as_told(source.setup, told) != source.setup:
        goes_elsewhere = told.target_appliance_id not in ("", source.setup.target_appliance_id)
        with context.alone(source, "a new policy", interrupt=goes_elsewhere):
            source.save(source.progress, _as_told(source.setup, told))
        context.parts.replication.poke()
    return source is not None


def _as_told(setup: SourceSetup, told: UpdatePolicy) -> SourceSetup:
    if not (told.target_addresses and told.target_appliance_id):
        return setup.model_copy(update={"policy": told.policy})
    now = {
        "policy": told.policy,
        "target_appliance_id": told.target_appliance_id,
        "target_addresses": told.target_addresses,
    }
    return setup.model_copy(update=now)


def _replica_policy(context: Context, told: UpdatePolicy) -> bool:
    hosted, policy = context.parts.host.find(context.machine_id), told.policy
    if hosted is not None and hosted.setup.policy != policy:
        with context.alone(hosted, "a new policy"):
            hosted.save(setup=hosted.setup.model_copy(update={"policy": policy}))
            hosted.wants_trim = True
        context.parts.work.wanted(hosted)
    return hosted is not None
