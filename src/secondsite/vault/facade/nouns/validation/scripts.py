"""Whether scripts are where they would be run: those of hooks at the sites where their machines may be started or stopped."""

from collections.abc import Sequence

from .....wire.control.scripts import CheckScripts
from .....wire.rest.validation import FlawKind
from ...parts import Parts
from ...shared import hook_scripts
from .configured import UndatedFlaw, World


def hooks(parts: Parts, world: World, away: set[str]) -> tuple[list[UndatedFlaw], set[str]]:
    """What is missing, and what is not known: of many machines with the same hooks each appliance is asked once."""
    found: list[UndatedFlaw] = []
    unasked: set[str] = set()
    known: dict[hook_scripts.Needs, Sequence[str] | None] = {}
    for machine in world.machines.values():
        about = f"hooks of {machine.name}"
        for needs in hook_scripts.needed(machine, world.hooks.get(machine.id, ())):
            appliance_id, names = needs
            if needs not in known:
                payload = CheckScripts(names=tuple(sorted(names)))
                appliance = world.appliances.get(appliance_id)
                known[needs] = (
                    None if appliance_id in away else hook_scripts.missing(parts, appliance, payload)
                )
            problems = known[needs]
            if problems is None:
                unasked.add(about)
                continue
            do = hook_scripts.advice(machine.name)
            sites = machine.source_site, machine.target_site
            found += [UndatedFlaw(FlawKind.SCRIPT, about, each, do, sites) for each in problems]
    return found, unasked
