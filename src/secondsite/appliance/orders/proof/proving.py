"""Looks at a machine that was started, until its guest agent answers or there is nothing more to wait for.

Nothing is locked: replication and other orders go on meanwhile."""

import base64
import time
from dataclasses import dataclass

import structlog

from ....domain import errors
from ....fabrics.interface import PowerState
from ....fabrics.seeing import Seeing, Sights
from ....wire.common.evidence import MOST_TOLD, Evidence, GuestAgent, Picture
from ....wire.control.proofs import MOST_OF_A_PICTURE, Proof, Prove
from ..context import Context
from ..giving_way import Inspection
from . import address_watch, addressing, checking, console_text, grading

LOOK_AGAIN_SECONDS = 0.5
LEASED_SECONDS = 5.0
"""How long to wait for an address of a guest whose agent answers: many agents start beside the DHCP
client."""
KEPT_SECONDS = 10.0
"""Seconds of the order's time that are kept for the picture and the report."""
CONSOLE_BYTES = 8000
PICTURES = {
    Picture.KEPT: "; a picture of its screen is kept",
    Picture.NONE: "",
    Picture.TOO_LARGE: "; the picture of its screen is too large to be kept",
    Picture.FAILED: "; its screen could not be drawn",
}


@dataclass(slots=True)
class _Observations:
    """What was seen so far. `answered_after`: the seconds until the agent answered."""

    power: PowerState
    answered_after: float | None = None
    console: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Questions:
    """What is asked of the machine besides looking at it."""

    checks: checking.Checks
    addresses: addressing.Addresses
    connected: bool
    """Whether it has a card on a network, and so may have an address."""


def prove(
    context: Context, payload: Prove, *, partly: bool = False, look: Inspection | None = None
) -> tuple[str, Proof]:
    """Look at the machine and return what was seen. Raises NotFound for a machine that is not here, NotOurs
    if addresses are to be set in one without our tag. `partly`: not all checks of the machine are run. A
    `look` that must give way ends without a grade."""
    if payload.addresses:
        context.require_tagged(payload.fabric_id)
    looked = grading.begun(context, payload.fabric_id)
    began, sights = time.monotonic(), context.fabric.seeing.sights(payload.fabric_id)
    left_seconds = context.left_seconds()
    wait_seconds = min(payload.wait_seconds, left_seconds)
    most_seconds = max(0.0, left_seconds - KEPT_SECONDS)
    addresses = addressing.Addresses(context.fabric, payload, context.machine_id, most_seconds)
    with checking.Checks(context.fabric, payload, most_seconds) as checks:
        asked = _Questions(checks, addresses, _is_connected(context, payload.fabric_id))
        seen = _look(context, payload, sights, began, asked)
        while (
            _goes_on(seen, sights, asked)
            or (_may_show_more(seen, sights) and time.monotonic() - began < wait_seconds)
            or _may_get_an_address(seen, asked, time.monotonic() - began)
        ):
            if look is not None:
                look.require_no_other()
            time.sleep(LOOK_AGAIN_SECONDS)
            seen = _look(context, payload, sights, began, asked, seen)
        checks.give_up(f"the machine is {seen.power}")
    if asked.connected and seen.power is PowerState.RUNNING:
        seen.addresses = _addresses(context, payload.fabric_id) or seen.addresses
    seconds = time.monotonic() - began
    became, picture = Picture.NONE, None
    if sights.screen:
        became, picture = taken(context.fabric.seeing, payload.fabric_id)
    evidence = _evidence(seen, sights, seconds, became, asked)
    grading.record(context, looked, evidence, asked_outside=checks.asked_outside, partly=partly)
    has = {each.mac for each in evidence.addresses if each.given}
    address_watch.note(context, payload, [each for each in payload.addresses if each.mac in has])
    told = "".join(f"; it has {each}" for each in evidence.guest_addresses)
    given = addressing.said(evidence.addresses, evidence.restored)
    sentence = f"{payload.name} {_verdict(evidence)}{told}{given}"
    return sentence, Proof(evidence=evidence, picture=picture)


def _look(
    context: Context,
    payload: Prove,
    sights: Sights,
    began: float,
    asked: _Questions,
    before: _Observations | None = None,
) -> _Observations:
    fabric, fabric_id = context.fabric, payload.fabric_id
    answered = before.answered_after if before is not None else None
    seen = _Observations(fabric.power.state(fabric_id), answered)
    if answered is None and sights.agent and fabric.seeing.agent_answers(fabric_id):
        seen.answered_after = time.monotonic() - began
    seen.addresses = before.addresses if before is not None else ()
    if asked.connected and not seen.addresses and seen.answered_after is not None:
        seen.addresses = _addresses(context, fabric_id)
    if sights.console:
        seen.console = console_text.readable(fabric.seeing.console(fabric_id, CONSOLE_BYTES))
    if seen.power is PowerState.RUNNING:
        asked.addresses.look(seen.answered_after is not None)
        asked.checks.look(seen.answered_after is not None)
    return seen


def _goes_on(seen: _Observations, sights: Sights, asked: _Questions) -> bool:
    """Whether to look on. Without a channel for an agent no address is waited for."""
    pending = bool(asked.checks.pending) or (sights.agent and asked.addresses.pending)
    return seen.power is PowerState.RUNNING and pending


def _addresses(context: Context, fabric_id: str) -> tuple[str, ...]:
    try:
        return tuple(context.fabric.reaching.addresses(fabric_id))[:MOST_TOLD]
    except errors.SecondsiteError:
        return ()


def _is_connected(context: Context, fabric_id: str) -> bool:
    found = context.fabric.inventory.get(fabric_id)
    return found is not None and any(nic.network for nic in found.definition.nics)


def _may_get_an_address(seen: _Observations, asked: _Questions, seconds: float) -> bool:
    if not asked.connected or seen.power is not PowerState.RUNNING or seen.answered_after is None:
        return False
    return not seen.addresses and seconds < seen.answered_after + LEASED_SECONDS


def _may_show_more(seen: _Observations, sights: Sights) -> bool:
    """Whether more may be seen. Of a machine without an agent only the console's first words are waited
    for."""
    if seen.power is not PowerState.RUNNING or seen.answered_after is not None:
        return False
    return sights.agent or (sights.console and not seen.console)


def _evidence(
    seen: _Observations, sights: Sights, seconds: float, picture: Picture, asked: _Questions
) -> Evidence:
    verdicts = asked.checks.verdicts
    answered = seen.answered_after is not None
    runs = seen.power is PowerState.RUNNING
    agent = GuestAgent.ANSWERED if answered else GuestAgent.SILENT if sights.agent else GuestAgent.NONE
    return Evidence(
        proven=runs and (all(each.passed for each in verdicts) if verdicts else answered),
        power=str(seen.power),
        agent=agent,
        agent_seconds=seen.answered_after,
        console=seen.console if sights.console else None,
        picture=picture,
        seconds=seconds,
        checks=verdicts,
        addresses=asked.addresses.verdicts,
        restored=asked.addresses.restored if sights.agent else None,
        guest_addresses=seen.addresses,
    )


def _verdict(evidence: Evidence) -> str:
    said = f"{_agent(evidence)}; {_console(evidence)}{PICTURES[evidence.picture]}"
    if evidence.checks:
        said = f"{checking.said(evidence.checks)}; {said}"
    if evidence.proven:
        return f"started: {said}"
    if evidence.checks and evidence.power == PowerState.RUNNING:
        return f"has power, and it is not proven that it can be used: {said}"
    if evidence.power != PowerState.RUNNING:
        return f"is {evidence.power} after its start, so it is not proven that it started: {said}"
    return f"has power, and it is not proven that it started: {said}"


def _agent(evidence: Evidence) -> str:
    if evidence.agent_seconds is not None:
        return f"its guest agent answered after {evidence.agent_seconds:.1f} s"
    if evidence.agent is GuestAgent.SILENT:
        return f"no guest agent answered within {evidence.seconds:.1f} s"
    return "it has no channel for a guest agent"


def _console(evidence: Evidence) -> str:
    if evidence.console is None:
        return "no console of it is kept"
    said = console_text.last_line(evidence.console)
    return f"its console says '{said}'" if said else "its console is silent"


# Takes a picture of a machine's screen, and keeps it if it is small enough for a report.

log = structlog.get_logger(__name__)


def taken(seeing: Seeing, fabric_id: str) -> tuple[Picture, str | None]:
    """What became of the picture, and the picture itself as base64 if it is kept, else None."""
    try:
        png = seeing.screen(fabric_id)
    except errors.SecondsiteError as error:
        log.warning("screen.not-drawn", machine=fabric_id, problem=error.message)
        return Picture.FAILED, None
    if png is None:
        return Picture.NONE, None
    if len(png) > MOST_OF_A_PICTURE:
        return Picture.TOO_LARGE, None
    return Picture.KEPT, base64.b64encode(png).decode()
