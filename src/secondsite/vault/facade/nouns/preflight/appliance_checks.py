"""Asks an appliance what would prevent a verb at its site."""

from collections.abc import Iterable

from .....domain import errors
from .....ground.plural import counted
from .....wire.common.machines import MachineDefinition
from .....wire.control.checks import (
    CheckSource,
    CheckTarget,
    Obstacles,
    ObstacleShape,
    SourceCheckFact,
    TargetCheckFact,
)
from .....wire.control.orders import (
    CHECK_SOURCE,
    CHECK_TARGET,
    DISCOVER,
    POWER,
    Discover,
    FabricMachine,
    PowerFact,
)
from .....wire.rest.preflights import Preflight, PreflightObstacle
from ....steps import lookup
from ....store import ApplianceRecord
from ...parts import Parts
from ...shared.answered_order import ask_and_wait

SECONDS = 20.0
"""How long an answer may take, in seconds: a source tries a view of the machine, a target a start. Two that
do not answer are still reported before the request's time is over."""

LOOK_SECONDS = 5.0
"""How long a source may take to describe the machine, in seconds: without that the last known is judged."""


def source(
    parts: Parts, appliance: ApplianceRecord, payload: CheckSource, machine_id: str | None = None
) -> SourceCheckFact:
    """What the appliance at the source found. Raises as `ask_and_wait`."""
    (found,) = ask_and_wait(parts, [appliance], CHECK_SOURCE, payload, SECONDS, machine_id)
    return found


def addresses(parts: Parts, appliance: ApplianceRecord, fabric_id: str, machine_id: str) -> PowerFact:
    """Whether the machine runs, and the addresses that its guest reports. Raises as `ask_and_wait`."""
    asked = FabricMachine(fabric_id=fabric_id, tell_addresses=True)
    (found,) = ask_and_wait(parts, [appliance], POWER, asked, SECONDS, machine_id)
    return found


def definition(
    parts: Parts, appliance: ApplianceRecord, fabric_id: str, machine_id: str
) -> MachineDefinition | None:
    """The machine's present definition there; None if its appliance does not say it."""
    try:
        asked = Discover(machine=fabric_id)
        seconds = min(LOOK_SECONDS, parts.seconds_left() / 4)
        (found,) = ask_and_wait(parts, [appliance], DISCOVER, asked, seconds, machine_id)
        return lookup.find_machine(found, fabric_id, appliance.site).definition
    except errors.SecondsiteError:
        return None


def target(
    parts: Parts, appliance: ApplianceRecord, payload: CheckTarget, machine_id: str | None = None
) -> TargetCheckFact:
    """What the appliance at the target found. Raises as `ask_and_wait`."""
    (found,) = ask_and_wait(parts, [appliance], CHECK_TARGET, payload, SECONDS, machine_id)
    return found


def tried(appliance: ApplianceRecord, found: SourceCheckFact | TargetCheckFact) -> list[str]:
    """What the appliance tried, as a sentence; none if something was in the way, and from an older one."""
    if isinstance(found, TargetCheckFact):
        seconds = found.start_seconds
        return [] if seconds is None else [f"tried: a start at {appliance.name} in {seconds:.1f} s"]
    view = found.view
    if view is None:
        return []
    if view.why_not is not None:
        return [f"not tried: a view at {appliance.name}: {view.why_not}"]
    return [f"tried: a view of {counted(view.disks, 'disk')} at {appliance.name} in {view.seconds:.1f} s"]


def at(site: str, found: Obstacles) -> list[PreflightObstacle]:
    return [
        PreflightObstacle(site=site, what=each.what, do=each.do, blocking=each.blocking)
        for each in found.obstacles
    ]


def problem(site: str, error: errors.SecondsiteError, *, blocking: bool) -> PreflightObstacle:
    """The obstacle that a site could not be asked."""
    do = error.do or "Check its appliance: 'secondsite appliance list'."
    return PreflightObstacle(site=site, what=error.message, do=do, blocking=blocking)


def obstacle(site: str, what: str, do: str, *, blocking: bool = True) -> PreflightObstacle:
    return at(site, Obstacles(obstacles=(ObstacleShape(what=what, do=do, blocking=blocking),)))[0]


def answer(
    parts: Parts,
    machine: str,
    sites: tuple[str, str],
    found: Iterable[PreflightObstacle],
    tried: Iterable[str] = (),
) -> Preflight:
    ordered = sorted(found, key=lambda each: not each.blocking)
    source_site, target_site = sites
    return Preflight(
        machine=machine,
        source_site=source_site,
        target_site=target_site,
        ready=not any(each.blocking for each in ordered),
        obstacles=tuple(ordered),
        tried=tuple(tried),
        checked_at=parts.now(),
    )
