"""Gives a card of a running Windows its addresses, by PowerShell that its guest agent runs.

Windows keeps what is set, so nothing more is needed for its next boots. What the card had before is kept in
the guest, beside whose it is. No Windows ran it yet: its tests have answers made from the agent's schema."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pydantic

from ....domain import errors
from ....domain.networks.guest_config import windows
from ....domain.networks.guest_config.card_plan import CardPlan, NotUnderstood
from ...addressing import GivenAddress, RestoredFiles
from . import guest
from .windows_lines import APPLY, FORGET, LOOK, framed

PROGRAM, NAMED = "Windows", "mswindows"
SHELL = "powershell.exe"
WORDS = ("-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-ExecutionPolicy", "Bypass")
STATE = pydantic.TypeAdapter(windows.State)
MOST_BYTES = 256 * 1024


class _System(pydantic.BaseModel):
    name: str = pydantic.Field("", alias="id")


class _Told(pydantic.BaseModel):
    """`was`, `set`: the state of before, and the one that was set, as texts."""

    state: windows.State
    whose: str | None = None
    was: str | None = None
    set: str | None = None


def runs(domain: Any) -> bool:
    """Whether the guest is a Windows; an agent that cannot say it is in none. Raises DeadlineExceeded."""
    try:
        return guest.asked(domain, pydantic.TypeAdapter(_System), "guest-get-osinfo").name == NAMED
    except errors.FabricError:
        return False


def give(domain: Any, plan: CardPlan, whose: str, seconds: float, *, from_home: bool) -> GivenAddress:
    """Give the card its addresses, now and at each boot. See Addressing.give. Raises FabricError,
    DeadlineExceeded."""
    told = _told(domain, plan.mac, seconds)
    try:
        wanted = windows.wanted(plan, told.state)
    except NotUnderstood as problem:
        raise errors.FabricError(str(problem)) from problem
    was = _former(told, whose, from_home)
    if wanted != told.state or told.whose != whose:
        kept = {"whose": whose, "was": was, "set": _text(wanted)}
        _apply(domain, plan.mac, told.state, wanted, seconds, **kept)
    if not _is(_told(domain, plan.mac, seconds).state, wanted):
        raise errors.FabricError("its guest did not do it, and did not say why")
    return GivenAddress(plan.name, PROGRAM)


def _former(told: _Told, whose: str, from_home: bool) -> str:
    """What goes back at home: what was kept, unless there is none or somebody changed it at home since."""
    if told.whose != whose or told.was is None:
        return _text(told.state)
    ours = (told.was, told.set)
    is_changed = not any(each is not None and _is(told.state, _state(each)) for each in ours)
    return _text(told.state) if from_home and is_changed else told.was


def restore(domain: Any, whose: str, seconds: float) -> RestoredFiles:
    """Give the cards what they had before. Raises FabricError, DeadlineExceeded."""
    back: list[str] = []
    left: list[str] = []
    for card in guest.cards(domain):
        if not card.mac:
            continue
        told = _told(domain, card.mac, seconds)
        if told.whose != whose or told.was is None:
            continue
        was = _state(told.was)
        is_ours = told.set is not None and _is(told.state, _state(told.set))
        if not is_ours and not _is(told.state, was):
            left.append(f"the addresses of {card.name}")
            continue
        _apply(domain, card.mac, told.state, was, seconds)
        _run(domain, FORGET, seconds, mac=_dashed(card.mac))
        back.append(f"the addresses of {card.name}")
    return RestoredFiles(tuple(back), tuple(left))


def _apply(
    domain: Any, mac: str, present: windows.State, wanted: windows.State, seconds: float, **kept: str
) -> None:
    """Only families that differ are touched."""
    families = list(_differing(present, wanted))
    dns = None if wanted.dns_servers == present.dns_servers else list(wanted.dns_servers)
    _run(domain, APPLY, seconds, mac=_dashed(mac), families=families, dns=dns, **kept)


def _differing(present: windows.State, wanted: windows.State) -> Iterator[dict[str, Any]]:
    for (family, before), (_, after) in zip(present.families(), wanted.families(), strict=True):
        if before != after:
            yield {
                "family": f"IPv{family}",
                "dhcp": after.dhcp,
                "routers": after.routers,
                "addresses": list(map(_parted, after.addresses)),
                "routes": [{"to": each.to, "via": each.via} for each in after.routes],
            }


def _parted(address: str) -> dict[str, str]:
    ip, _, prefix = address.partition("/")
    return {"ip": ip, "prefix": prefix}


def _told(domain: Any, mac: str, seconds: float) -> _Told:
    said = _run(domain, LOOK, seconds, mac=_dashed(mac))
    try:
        if len(said) > MOST_BYTES:
            raise ValueError("too much")
        told = _Told.model_validate_json(said)
        windows.require_plain(told.state)
    except (ValueError, NotUnderstood) as problem:
        raise errors.FabricError("what its guest tells of its cards is not understood") from problem
    told.state = windows.sorted_as_told(told.state)
    return told


def _state(text: str) -> windows.State:
    """A state that was kept in the guest, where somebody may have changed it."""
    try:
        found = STATE.validate_json(text)
        windows.require_plain(found)
    except (ValueError, NotUnderstood) as problem:
        raise errors.FabricError("what its guest kept of its cards is not understood") from problem
    return found


def _is(one: windows.State, other: windows.State) -> bool:
    return _text(one) == _text(other)


def _text(state: windows.State) -> str:
    return STATE.dump_json(state).decode()


def _run(domain: Any, lines: str, seconds: float, **asked: Any) -> bytes:
    coded = base64.b64encode(json.dumps(asked).encode()).decode()
    command = base64.b64encode(framed(lines, coded).encode("utf-16-le")).decode()
    return guest.run(domain, SHELL, [*WORDS, "-EncodedCommand", command], seconds)


def _dashed(mac: str) -> str:
    """As Windows writes it."""
    return mac.upper().replace(":", "-")
