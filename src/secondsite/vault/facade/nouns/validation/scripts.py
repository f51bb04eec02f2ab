"""Whether scripts are where they would be run: those of hooks at the sites where their machines may be started or stopped."""

from collections.abc import Iterator, Sequence

from .....domain import errors, typed
from .....domain.machines import hooks as domain
from .....domain.plans.directions import Direction
from .....wire.control.orders import CHECK_SCRIPTS
from .....wire.control.scripts import CheckScripts
from .....wire.rest.validation.shapes import FlawKind
from .... import ports
from ...parts import Parts
from ...shared.asking import ask_and_wait
from .configured import Found, World

SECONDS = 20.0
Needs = tuple[str, frozenset[str]]
"""An appliance, and scripts that it needs."""


def hooks(parts: Parts, world: World, away: set[str]) -> tuple[list[Found], set[str]]:
    """What is missing, and what is not known: of many machines with the same hooks each appliance is asked once."""
    found: list[Found] = []
    unasked: set[str] = set()
    known: dict[Needs, Sequence[str] | None] = {}
    for machine in world.machines.values():
        about = f"hooks of {machine.name}"
        for needs in _needs(world, machine):
            appliance_id, names = needs
            if needs not in known:
                payload = CheckScripts(names=tuple(sorted(names)))
                appliance = world.appliances.get(appliance_id)
                known[needs] = None if appliance_id in away else missing(parts, appliance, payload)
            problems = known[needs]
            if problems is None:
                unasked.add(about)
                continue
            do = f"Put the script into the script folder of that site's appliance, or take the hook away: 'secondsite hook clear {typed.arguments(machine.name, 'HOOK')}'."
            sites = machine.source_site, machine.target_site
            found += [Found(FlawKind.SCRIPT, about, each, do, sites) for each in problems]
    return found, unasked


def missing(
    parts: Parts, appliance: ports.ApplianceRecord | None, payload: CheckScripts
) -> Sequence[str] | None:
    """Why it cannot run some of them; None if it does not say."""
    if appliance is None:
        return None
    try:
        (answer,) = ask_and_wait(parts, [appliance], CHECK_SCRIPTS, payload, SECONDS)
    except errors.SecondsiteError:
        return None
    return [f"At site {appliance.site}: {each}" for each in answer.problems]


def _needs(world: World, machine: ports.MachineRecord) -> Iterator[Needs]:
    home, other = machine.source_appliance_id, machine.target_appliance_id
    if machine.reversed:
        home, other = other, home
    own = world.hooks.get(machine.id, ())
    for where, appliance_id in ((Direction.HOME, home), (Direction.AWAY, other)):
        names = frozenset(each.script for each in own if where in domain.places(each))
        if names:
            yield appliance_id, names
