"""Orders that start, pause, change and end the replication of a machine from here."""

from ...domain import errors
from ...wire.common.policies import PolicyShape
from ...wire.control.orders import Nothing, StopReplication, UpdatePolicy
from ...wire.control.setups import SourceSetup
from ..source import Source
from ..source import progress as progresses
from .context import Context


def start_replication(context: Context, setup: SourceSetup) -> tuple[str, Nothing]:
    """Tag the machine and record the setup; the loop does the rest."""
    replication = context.parts.replication
    source = replication.find(setup.machine_id)
    newer = source is not None and source.setup.epoch != setup.epoch
    with context.alone(source, "a new setup", interrupt=newer):
        context.fabric.tracking.enable(setup.fabric_id, setup.machine_id)
        replication.fences.lower(setup.machine_id, setup.fabric_id, source)
        changed = replication.add(setup)
    how = "is replicated from now on" if changed else "was already replicated"
    return f"{setup.machine_name} {how}, epoch {setup.epoch}", Nothing()


def stop_replication(context: Context, payload: StopReplication) -> tuple[str, Nothing]:
    source = context.parts.replication.find(context.machine_id)
    with context.alone(source, "ending replication", interrupt=True):
        if source is None:
            if payload.forget:
                _free_old_copy(context)
            return "the machine was not replicated from here", Nothing()
        autostart = ""
        if payload.forget:
            autostart = context.parts.replication.fences.abandon(source.machine_id)
            context.fabric.tracking.disable(source.setup.fabric_id)
        context.parts.replication.remove(source)
    return f"ended replication of {source.setup.machine_name}{autostart}", Nothing()


def _free_old_copy(context: Context) -> None:
    """The old copy that an undone reprotect left here is its owner's again."""
    fences = context.parts.replication.fences
    fence = fences.find(context.machine_id)
    found = context.fabric.inventory.get(fence.fabric_id) if fence else None
    if found is not None and found.tag == context.machine_id:
        fabric_id = found.definition.fabric_id
        context.fabric.power.allow_start(fabric_id, context.machine_id, with_host=False)
        context.fabric.tracking.disable(fabric_id)
    fences.forget(context.machine_id)


def pause_replication(context: Context, _payload: Nothing) -> tuple[str, Nothing]:
    """Stop sending, because the machine is being failed over; it must not start here from now on."""
    source = context.parts.replication.find(context.machine_id)
    if source is None:
        return "the machine is not replicated from here, nothing to pause", Nothing()
    with context.alone(source, "pausing", interrupt=True):
        was = source.progress.paused
        if not was:
            source.change(paused=True)
        fenced = _fenced(context, source)
    how = "was already paused" if was else "is paused"
    return f"replication of {source.setup.machine_name} {how}, {fenced}", Nothing()


def _fenced(context: Context, source: Source) -> str:
    """Part of a sentence. If the fabric fails, the appliance enforces the fence later."""
    try:
        context.parts.replication.fences.raise_(source, "It is being failed over to the other site.")
    except errors.SecondsiteError as error:
        return f"its autostart could not be turned off yet ({error.message.rstrip('.')})"
    return "it does not start with its host"


def resynchronize(context: Context, _payload: Nothing) -> tuple[str, Nothing]:
    source = context.source()
    with context.alone(source, "resynchronizing", interrupt=True):
        source.save(progresses.restarted(source.progress, source.setup.disks))
        source.findings.add(
            "resynchronizing", "Asked for: all blocks are compared, those that differ are sent."
        )
        source.unchanged_fingerprint = None
    source.hurry()
    context.parts.replication.poke()
    return f"comparing all blocks of {source.setup.machine_name}", Nothing()


def update_policy(context: Context, payload: UpdatePolicy) -> tuple[str, Nothing]:
    """Apply a policy on whichever side this appliance is. The vault sends it at each connection; an unchanged
    policy waits for no lock."""
    sides = [side for side in (_source_policy, _replica_policy) if side(context, payload.policy)]
    if not sides:
        raise errors.NotFound(
            f"Machine {context.machine_id} is neither replicated from here nor to here.",
            do="List the machines with 'secondsite machine list'.",
        )
    return f"policy {payload.policy.name} applies from now on", Nothing()


def _source_policy(context: Context, policy: PolicyShape) -> bool:
    source = context.parts.replication.find(context.machine_id)
    if source is not None and source.setup.policy != policy:
        with context.alone(source, "a new policy"):
            source.save(source.progress, source.setup.model_copy(update={"policy": policy}))
        context.parts.replication.poke()
    return source is not None


def _replica_policy(context: Context, policy: PolicyShape) -> bool:
    hosted = context.parts.host.find(context.machine_id)
    if hosted is not None and hosted.setup.policy != policy:
        with context.alone(hosted, "a new policy"):
            hosted.save(setup=hosted.setup.model_copy(update={"policy": policy}))
            hosted.wants_trim = True
        context.parts.work.wanted(hosted)
    return hosted is not None
