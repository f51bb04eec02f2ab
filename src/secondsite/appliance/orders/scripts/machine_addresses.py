"""The addresses of the machine that a hook is about, as they are when its script begins."""

from collections.abc import Sequence

from ....domain import errors
from ....domain.networks.addresses import is_of_a_machine
from ....wire.control.orders import MOST_TOLD
from ....wire.control.scripts import RunScript, ScriptContext
from ..context import Context
from ..names import addresses

MOST_OF_ALL = 4 * MOST_TOLD


def completed(context: Context, payload: RunScript) -> ScriptContext:
    """What the script is told. Nobody waits for a guest: its start was proven before, or is not to be."""
    told = payload.context
    if payload.looks_at is None or len(told.machines) != 1:
        return told
    (machine,) = told.machines
    by_mac = addresses.bounded(addresses.known(context, payload.looks_at))
    cards = tuple(
        card.model_copy(update={"addresses": by_mac.get(card.mac.lower(), ())}) for card in machine.cards
    )
    seen = [each for own in by_mac.values() for each in own] or _from_the_hypervisor(
        context, payload.looks_at
    )
    wanted = [card.address for card in cards if card.address is not None]
    # one that is set comes first, if the guest has it
    found = [*(each for each in wanted if each in seen), *seen] or wanted
    own = machine.model_copy(update={"cards": cards, "addresses": tuple(dict.fromkeys(found))[:MOST_OF_ALL]})
    return told.model_copy(update={"machines": (own,)})


def _from_the_hypervisor(context: Context, fabric_id: str) -> Sequence[str]:
    try:
        found = context.fabric.reaching.addresses(fabric_id)
    except errors.SecondsiteError:
        return []
    plain = [each.partition("/")[0] for each in found]
    return list(filter(is_of_a_machine, plain))
