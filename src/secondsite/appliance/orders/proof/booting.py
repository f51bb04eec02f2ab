"""Boot a recovery point only to see whether it boots: a copy that nobody uses is started on it, looked at,
and removed.

The order does all of it. What a killed process left is removed by the next one, with or without a vault: the
copy and its network are on record before they are made.
"""

from contextlib import nullcontext

import structlog

from ....domain.drills.networks import NO_NETWORK
from ....ground import seams
from ....wire.control.orders import StartReplica
from ....wire.control.proofs import BootPoint, Proof, Prove
from ...shared import run_key
from ...target import HostedReplica
from .. import runs
from ..context import ApplianceParts, Context
from ..giving_way import Inspection
from . import proving

RUN = "verification"
NETWORK_KEY = "verification-network/"
LOCK_SECONDS = 60.0
KEPT_SECONDS = 60.0
"""Seconds of the order's time that are kept for removing the copy."""

log = structlog.get_logger(__name__)


def boot_point(context: Context, payload: BootPoint) -> tuple[str, Proof]:
    """Boot the point; returns what was seen of the copy, which is removed again. Raises NotPossibleNow if it
    gave way to a machine that people need."""
    context.hosted()
    with context.parts.giving_way.look(context.machine_id) as look:
        remove(context.parts, context.machine_id)
        try:
            return _looked_at(context, payload, look)
        finally:
            remove(context.parts, context.machine_id)


def _looked_at(context: Context, payload: BootPoint, look: Inspection) -> tuple[str, Proof]:
    network = _network(context, payload)
    look.require_no_other()
    cards = context.hosted().definition(context.hosted().record(payload.point_id)).nics
    started, _ = runs.start_replica(
        context,
        StartReplica(
            run=RUN,
            point_id=payload.point_id,
            fabric_id=payload.fabric_id,
            name=payload.name,
            networks={card.key: network for card in cards},
            sizing=payload.sizing,
            stand_in=payload.stand_in,
        ),
    )
    seams.reach("appliance.boot.started")
    wanted = Prove(
        fabric_id=payload.fabric_id,
        name=payload.name,
        wait_seconds=payload.wait_seconds,
        checks=payload.checks,
    )
    seen, proof = proving.prove(context, wanted, partly=bool(payload.left_out), look=look)
    return f"{started}; {seen}{_left_out(payload)}; it is removed", proof


def _network(context: Context, payload: BootPoint) -> str | None:
    """The network for the copy, which is on record before it is made; None if it has none."""
    if payload.network == NO_NETWORK:
        return None
    context.state.put_fact(f"{NETWORK_KEY}{context.machine_id}", payload.network)
    return context.fabric.networks.create_isolated(payload.network, context.machine_id).name


def _left_out(payload: BootPoint) -> str:
    names = ", ".join(payload.left_out)
    return f"; not asked, because the copy had no network: {names}" if names else ""


def remove(parts: ApplianceParts, machine_id: str) -> None:
    """Remove the copy, its overlays and its network; harmless if there are none. No generation is checked:
    the copy belongs to nobody, whoever has the machine now."""
    hosted = parts.host.find(machine_id)
    if parts.state.fact(run_key(machine_id, RUN)) is not None or _is_open(hosted):
        _remove_copy(parts, hosted, machine_id)
    _remove_network(parts, machine_id)


def _is_open(hosted: HostedReplica | None) -> bool:
    return hosted is not None and hosted.replica.state.run(RUN) is not None


def _remove_copy(parts: ApplianceParts, hosted: HostedReplica | None, machine_id: str) -> None:
    key = run_key(machine_id, RUN)
    with nullcontext() if hosted is None else hosted.lock("removing a copy that was looked at", LOCK_SECONDS):
        if (found := parts.state.fact(key)) is not None:
            parts.fabric.hosting.remove(runs.RunFact.model_validate_json(found).fabric_id, machine_id)
            seams.reach("appliance.boot.removed")
        if hosted is not None:
            hosted.replica.close_run(RUN)
        parts.state.remove_fact(key)
        if hosted is not None:
            hosted.refresh()
            hosted.wants_trim = True
    if hosted is not None:
        parts.work.wanted(hosted)


def _remove_network(parts: ApplianceParts, machine_id: str) -> None:
    name = parts.state.fact(f"{NETWORK_KEY}{machine_id}")
    if name is not None:
        parts.fabric.networks.remove(name, machine_id)
        parts.state.remove_fact(f"{NETWORK_KEY}{machine_id}")


def remove_left_over(parts: ApplianceParts) -> None:
    """Remove copies that no inspection in progress uses: a process was killed, or a removal failed. One that
    cannot be removed does not keep the others."""
    busy = parts.giving_way.under_way()
    for machine_id in sorted(_known(parts) - busy):
        try:
            remove(parts, machine_id)
        except Exception as problem:
            log.warning("boot.not-removed", machine=machine_id, problem=repr(problem))
        else:
            log.info("boot.left-over-removed", machine=machine_id)


def _known(parts: ApplianceParts) -> set[str]:
    """Ids of the machines of which a copy or its network may be here."""
    ends = f"/{RUN}"
    facts = (key for key in parts.state.facts("run/") if key.endswith(ends))
    found = {key.removeprefix("run/").removesuffix(ends) for key in facts}
    found |= {key.removeprefix(NETWORK_KEY) for key in parts.state.facts(NETWORK_KEY)}
    return found | {each.machine_id for each in parts.host.all() if _is_open(each)}
