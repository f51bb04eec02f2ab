"""Which address a name gets: the one that the guest's agent says that the card has, else the one that came
with the order."""

import re
import time
from collections.abc import Mapping, Sequence

from ....domain import errors
from ....domain.networks import addresses
from ....wire.common.cards import MAC, MOST_CARDS
from ....wire.control.names import CardName, UpdateNames
from ....wire.control.orders import MOST_TOLD
from ..context import Context
from .server import NameRefused

LOOK_AGAIN_SECONDS = 0.5

Told = Mapping[str, Sequence[str]]


def told(context: Context, payload: UpdateNames) -> Told:
    """Addresses by MAC address, as soon as the agent has told them for all cards. Empty if no agent answers
    in time."""
    macs = {each.mac.lower() for each in payload.names}
    until = time.monotonic() + min(payload.wait_seconds, context.left_seconds() - payload.try_seconds)
    while True:
        found = known(context, payload.fabric_id)
        if macs <= {mac for mac, addresses in found.items() if addresses} or time.monotonic() >= until:
            return found
        if not context.fabric.seeing.sights(payload.fabric_id).agent:
            return found
        context.require_current()
        time.sleep(LOOK_AGAIN_SECONDS)


def of(wanted: CardName, found: Told) -> str:
    """The address that a name gets. Raises Refused if it is not known."""
    own = found.get(wanted.mac.lower(), ())
    if wanted.address is not None and (wanted.address in own or not own):
        return wanted.address
    if not own:
        raise NameRefused(
            f"the address of {wanted.key} is not known here: no guest agent says it, and none is set"
        )
    if len(own) > 1:
        raise NameRefused(
            f"{wanted.key} has several addresses ({', '.join(own)}), and none of them is set for it"
        )
    return own[0]


def known(context: Context, fabric_id: str) -> Told:
    """The addresses that the agent tells now, by MAC address; empty if it tells none."""
    try:
        found = context.fabric.addressing.told(fabric_id)
    except errors.SecondsiteError:
        return {}
    return {mac.lower(): list(filter(addresses.is_of_a_machine, own)) for mac, own in found.items()}


def bounded(found: Told) -> dict[str, tuple[str, ...]]:
    """The addresses, cut to what a report may contain: a guest may claim anything."""
    cards = [(mac, own) for mac, own in found.items() if re.fullmatch(MAC, mac) and own][:MOST_CARDS]
    return {mac: tuple(filter(addresses.is_of_a_machine, own))[:MOST_TOLD] for mac, own in cards}
