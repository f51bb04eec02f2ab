"""Asks the machines that were failed over to here for their addresses again, and again: a guest that was
started anew, or that somebody changed, may have others than it was given."""

import json
from collections.abc import Mapping, Sequence

import pydantic
import structlog

from ....domain import errors
from ....domain.networks import addresses
from ....fabrics.interface import Fabric, PowerState
from ....wire.common.cards import CardAddress
from ....wire.control.proofs import Prove
from ...shared import State, run_key
from ...target import FAILOVER, HostedReplica, ReplicaHost
from ..context import Context

CHANGED = "address-changed"
GIVEN = pydantic.TypeAdapter(tuple[CardAddress, ...])
MOST_NAMED = 5

log = structlog.get_logger(__name__)


def note(context: Context, payload: Prove, given: Sequence[CardAddress]) -> None:
    """Remember which addresses the failed-over machine was given; those of a drill are nobody's concern once
    it has been looked at."""
    if _fabric_id(context.state, context.machine_id) != payload.fabric_id:
        return
    if given:
        context.state.put_fact(_key(context.machine_id), GIVEN.dump_json(tuple(given)).decode())
    else:
        context.state.remove_fact(_key(context.machine_id))


def look(fabric: Fabric, state: State, host: ReplicaHost) -> None:
    """Add a finding to each failed-over machine whose guest tells other addresses than it was given. What no
    agent tells stays as it was."""
    for hosted in host.all():
        noted = state.fact(_key(hosted.machine_id))
        if noted is not None and not hosted.failed_over:
            state.remove_fact(_key(hosted.machine_id))
            noted = None
        if noted is None:
            hosted.findings.clear(CHANGED)
            continue
        try:
            _look_at(fabric, state, hosted, GIVEN.validate_json(noted))
        except errors.SecondsiteError as problem:
            log.debug("addresses.not-seen", machine=hosted.machine_id, problem=problem.message)


def _look_at(fabric: Fabric, state: State, hosted: HostedReplica, given: Sequence[CardAddress]) -> None:
    fabric_id = _fabric_id(state, hosted.machine_id) or hosted.setup.existing_fabric_id
    if fabric_id is None or fabric.power.state(fabric_id) is not PowerState.RUNNING:
        return
    found = {mac.lower(): own for mac, own in fabric.addressing.told(fabric_id).items()}
    others = [each for each in given if _is_another(each, found)]
    if others:
        said = "; ".join(_said(each, found) for each in others)
        hosted.findings.add(CHANGED, f"{hosted.setup.machine_name}: {said}.")
    else:
        hosted.findings.clear(CHANGED)


def _is_another(wanted: CardAddress, found: Mapping[str, Sequence[str]]) -> bool:
    own = found.get(wanted.mac.lower())
    return own is not None and addresses.host(wanted.address) not in own


def _said(wanted: CardAddress, found: Mapping[str, Sequence[str]]) -> str:
    own = [each for each in found[wanted.mac.lower()] if addresses.is_of_a_machine(each)][:MOST_NAMED]
    has = ", ".join(own) or "no address"
    return f"{wanted.key} has {has} now, and not {addresses.host(wanted.address)}, which it was given"


def _fabric_id(state: State, machine_id: str) -> str | None:
    """The failed-over machine's id with its hypervisor."""
    noted = state.fact(run_key(machine_id, FAILOVER))
    return None if noted is None else str(json.loads(noted)["fabric_id"])


def _key(machine_id: str) -> str:
    return f"given-addresses/{machine_id}"
