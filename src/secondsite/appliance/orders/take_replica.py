"""The order that takes over a replica of another appliance of the site, in a store that both reach; and what
an appliance does that has lost one so."""

import structlog

from ...domain.errors import SecondsiteError
from ...fabrics.interface import PowerState
from ...ground.plural import counted
from ...wire.control.orders import Nothing, TakeReplica
from ..target import FAILOVER, HostedReplica, ReplicaTakeover
from . import runs
from .context import ApplianceParts, Context

TAKING = "taking the replica over"

log = structlog.get_logger(__name__)


def take_replica(context: Context, payload: TakeReplica) -> tuple[str, Nothing]:
    """The replica is this appliance's from now on. Raises NotPossibleNow while its former one may write to
    it, or while a copy may run on it."""
    host, setup = context.parts.host, payload.setup
    with host.arrival(setup.machine_id, TAKING, context.left_seconds()):
        hosted = host.find(setup.machine_id)
        if hosted is None:
            context.require_current()
            taking = ReplicaTakeover(
                host, setup, payload.former_appliance_id, payload.tokens, begun=payload.begun
            )
            hosted = taking.take(min(payload.wait_seconds, context.left_seconds()))
        with context.alone(hosted, TAKING):
            hosted.save(accepting=payload.accepting and not hosted.failed_over)
            still = _end_former_drills(context, hosted)
        context.parts.work.wanted(hosted)
    points = counted(len(hosted.replica.point_ids), "recovery point")
    return f"the replica of {setup.machine_name}, with {points}, is taken over{still}", Nothing()


def _end_former_drills(context: Context, hosted: HostedReplica) -> str:
    """Let go of the drills of the former host; the end of a sentence. A copy that still runs there stands on
    files without a name, and its host removes it when it is back."""
    ours = {key.rsplit("/", 1)[-1] for key in context.state.facts(f"run/{hosted.machine_id}/")}
    former = [run.name for run in hosted.replica.state.runs if run.name not in (FAILOVER, *ours)]
    for name in former:
        hosted.replica.close_run(name)
    return "; its test failover at the former host has ended" if former else ""


def forget_moved(parts: ApplianceParts, machine_id: str) -> None:
    """Remove the copies of a machine that are defined here on a replica which another appliance has by now,
    unless one runs that was failed over. Harmless when repeated."""
    for key, said in parts.state.facts(f"run/{machine_id}/").items():
        fact = runs.RunFact.model_validate_json(said)
        try:
            is_drill = not key.endswith(f"/{FAILOVER}")
            power = parts.fabric.power.state(fact.fabric_id)
            if is_drill or power in (PowerState.OFF, PowerState.MISSING):
                parts.fabric.hosting.remove(fact.fabric_id, machine_id)
                parts.state.remove_fact(key)
        except SecondsiteError as problem:
            log.warning("copy.not-removed", machine=machine_id, problem=problem.message)
