"""Questions of a validation to the sites' appliances: whether each machine would start there, and whether the
scripts of plans and hooks exist there.

Appliances that are not connected are not waited for: flaws that were found there before are kept.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .....domain import errors, lifecycle
from .....domain.lifecycle import Verb
from .....wire.control.scripts import CheckScripts
from .....wire.rest.preflights import PreflightObstacle
from .....wire.rest.validation import FlawKind
from ....store import MachineRecord, PlanRecord
from ...parts import Parts
from ...shared import hook_scripts
from ...shared.answered_order import LEAST_SECONDS
from ..preflight.failover_readiness import Preflights
from .configuration import UndatedFlaw, World

AT_ONCE = 4
"""How many machines are asked about at a time: appliances have other orders too."""


@dataclass(slots=True)
class Answers:
    """The flaws that were found. `unasked`: subjects that could not be asked about; `machines`: how many
    machines were asked about, and `not_asked`."""

    found: list[UndatedFlaw] = field(default_factory=list)
    unasked: set[str] = field(default_factory=set)
    machines: int = 0
    not_asked: int = 0


def asked(parts: Parts, world: World, within_seconds: float) -> Answers:
    """The answers of all appliances; machines for which the time is not enough are not asked about."""
    answers = Answers()
    until = time.monotonic() + within_seconds
    away = {each.id for each in world.appliances.values() if not parts.gateway.is_connected(each.id)}
    _tell_of(away, world, answers)
    _machines(parts, world, away, answers, until)
    for plan in world.plans:
        _scripts(parts, world, plan, away, answers)
    found, unasked = hooks(parts, world, away)
    answers.found += found
    answers.unasked |= unasked
    return answers


def _tell_of(away: set[str], world: World, answers: Answers) -> None:
    for appliance_id in sorted(away):
        appliance = world.appliances[appliance_id]
        concerned = [each.name for each in world.machines.values() if appliance_id in _both(each)]
        if concerned:
            what = f"It has no connection to the vault, so {len(concerned)} of the machines were not checked."
            do = "Start it, or check its connection; then 'secondsite vault validate'."
            about = f"appliance {appliance.name} of {appliance.site}"
            answers.found.append(UndatedFlaw(FlawKind.APPLIANCE_AWAY, about, what, do, (appliance.site,)))


def _machines(parts: Parts, world: World, away: set[str], answers: Answers, until: float) -> None:
    ready: list[MachineRecord] = []
    for machine in world.machines.values():
        if Verb.FAILOVER not in lifecycle.allowed_operations(machine.state, machine.drill_state):
            continue
        if away.isdisjoint(_both(machine)):
            ready.append(machine)
        else:
            _not_asked(answers, machine)
    with ThreadPoolExecutor(AT_ONCE, "validation") as pool:
        asking = pool.map(lambda each: _preflight(parts, each, until), ready)
        for machine, obstacles in zip(ready, asking, strict=True):
            if obstacles is None:
                _not_asked(answers, machine)
                continue
            answers.machines += 1
            answers.found += _obstacles(machine, obstacles)


def _not_asked(answers: Answers, machine: MachineRecord) -> None:
    answers.unasked.add(f"machine {machine.name}")
    answers.not_asked += 1


def _preflight(parts: Parts, machine: MachineRecord, until: float) -> Sequence[PreflightObstacle] | None:
    """The obstacles of a machine; None if it was moved, or its protection ended, meanwhile, or if time was
    over: a question that was cut short is not an obstacle."""
    if time.monotonic() >= until:
        return None
    try:
        found = Preflights(parts).of(machine.id, hooks=False).obstacles
    except errors.SecondsiteError:
        return None
    return None if parts.seconds_left() < LEAST_SECONDS else found


def _obstacles(machine: MachineRecord, obstacles: Sequence[PreflightObstacle]) -> Iterator[UndatedFlaw]:
    for each in obstacles:
        kind = FlawKind.MACHINE if each.blocking else FlawKind.MACHINE_WARNING
        yield UndatedFlaw(
            kind, f"machine {machine.name}", each.what, each.do, (machine.source_site, machine.target_site)
        )


def _scripts(parts: Parts, world: World, record: PlanRecord, away: set[str], answers: Answers) -> None:
    """Scripts of the plan's actions, at the present targets of its machines."""
    actions = [each for group in record.plan.groups for each in (*group.before, *group.after) if each.script]
    names = sorted({each.script or "" for each in actions if each.guest is None})
    in_guests = sorted({each.script or "" for each in actions if each.guest is not None})
    members = [world.machines[each.id] for each in record.plan.machines if each.id in world.machines]
    if not actions or not members:
        return
    about = f"plan {record.name}"
    sites = tuple(sorted({site for each in members for site in (each.source_site, each.target_site)}))
    payload = CheckScripts(names=tuple(names), in_guests=tuple(in_guests))
    for appliance_id in sorted({each.target_appliance_id for each in members}):
        problems = (
            None
            if appliance_id in away
            else hook_scripts.missing(parts, world.appliances.get(appliance_id), payload)
        )
        if problems is None:
            answers.unasked.add(about)
            continue
        do = (
            "Put the script into the script folder of that site's appliance, or take the action out of the "
            "plan; the guide on plans says how."
        )
        answers.found += [UndatedFlaw(FlawKind.SCRIPT, about, each, do, sites) for each in problems]


def _both(machine: MachineRecord) -> set[str]:
    return {machine.source_appliance_id, machine.target_appliance_id}


# Whether the scripts of hooks exist at the sites where their machines may be started or stopped.


def hooks(parts: Parts, world: World, away: set[str]) -> tuple[list[UndatedFlaw], set[str]]:
    """The scripts that are missing, and the subjects of which that is not known: for many machines with the
    same hooks each appliance is asked once."""
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
