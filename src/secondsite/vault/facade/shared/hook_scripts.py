"""Scripts of machines' hooks: which appliance needs which, and its answers about them."""

from collections.abc import Iterator, Sequence

from ....domain import errors, shell
from ....domain.machines import hooks as domain
from ....domain.plans.directions import Direction
from ....wire.common.hooks import MachineHook
from ....wire.control.orders import CHECK_SCRIPTS
from ....wire.control.scripts import CheckScripts
from ...store import ApplianceRecord, MachineRecord
from ..parts import Parts
from .answered_order import ask_and_wait

SECONDS = 20.0
Needs = tuple[str, frozenset[str]]
"""An appliance's id, and the scripts that it needs."""


def missing(parts: Parts, appliance: ApplianceRecord | None, payload: CheckScripts) -> Sequence[str] | None:
    """Why the appliance cannot run some of the scripts; None if it does not answer."""
    if appliance is None:
        return None
    try:
        (answer,) = ask_and_wait(parts, [appliance], CHECK_SCRIPTS, payload, SECONDS)
    except errors.SecondsiteError:
        return None
    return [f"At site {appliance.site}: {each}" for each in answer.problems]


def advice(machine: str) -> str:
    return (
        "Put the script into the script folder of that site's appliance, or remove the hook: 'secondsite "
        f"hook clear {shell.arguments(machine, 'HOOK')}'."
    )


def needed(machine: MachineRecord, own: Sequence[MachineHook]) -> Iterator[Needs]:
    """The scripts of the machine's hooks that each of its appliances needs, whichever way the machine is
    moved."""
    sides = (
        (machine.source_site, machine.source_appliance_id),
        (machine.target_site, machine.target_appliance_id),
    )
    for site, appliance_id in sides:
        where = Direction.HOME if site == machine.home_site else Direction.AWAY
        names = frozenset(each.script for each in own if where in domain.places(each))
        if names:
            yield appliance_id, names
