"""Which appliances take part if a site has several hypervisors, each with an appliance of its own.

The source is the appliance that has the machine; none if several hosts report it. The target is the one that
was named, or else where the machine is placed (`hosts`). A protected machine stays with its two appliances,
whatever its roles at them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ....domain import errors
from ....domain.machines import platforms
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Wait
from ....wire.common.machines import DiscoveredMachine
from ....wire.control import orders
from ....wire.control.checks import Obstacles, ObstacleShape, TargetCheckFact
from ....wire.control.orders import Inventory
from ...store import ApplianceRecord
from .. import lookup
from ..deps import Deps
from .orders import Limits, Orders

NEIGHBOURS = Limits(deadline_seconds=10, reach_seconds=5, once=True)
"""Limits for a question about one machine, or a copy of it: a host answers in a moment."""


@dataclass(frozen=True, slots=True)
class PlacedMachine:
    """A machine, and the appliance that has it."""

    appliance: ApplianceRecord
    machine: DiscoveredMachine
    silent: tuple[str, ...] = ()
    """Names of appliances that did not answer in time whether they have the machine too."""

    @property
    def unasked(self) -> str:
        """Part of a sentence about the appliances that did not answer."""
        return f"; without an answer of {', '.join(self.silent)}" if self.silent else ""


@dataclass(frozen=True, slots=True)
class _Answers:
    seen: dict[str, Inventory]
    silent: list[tuple[ApplianceRecord, errors.SecondsiteError]]


def _ask(
    give: Orders,
    ctx: StepContext,
    appliances: Sequence[ApplianceRecord],
    only: orders.Discover,
    why: str,
) -> _Answers:
    """The answers of the appliances, asked at the same time: one that does not answer delays the others no
    longer than the deadline. Raises Wait while one may answer."""
    answers, waiting = _Answers({}, []), None
    for each in appliances:
        try:
            answers.seen[each.id] = give.give(
                ctx, each.id, orders.DISCOVER, only, why=why, limits=NEIGHBOURS
            ).facts
        except Wait as wait:
            waiting = waiting or wait
        except errors.StoreUnavailable:
            raise
        except errors.SecondsiteError as problem:
            answers.silent.append((each, problem))
    if waiting is not None:
        raise waiting
    return answers


def at_source(deps: Deps, give: Orders, ctx: StepContext, name: str, site: str) -> PlacedMachine:
    """The machine and its appliance. Appliances that are not connected are waited for only while no other has
    the machine. Raises NotFound, InvalidArgument, and what `Orders.give` raises."""
    with deps.store.reading() as tx:
        appliances = sorted(
            lookup.appliances_of(tx, site), key=lambda each: not deps.gateway.is_connected(each.id)
        )
    only, why = orders.Discover(machine=name), f"looking for {name} at {site}"
    connected = [each for each in appliances if deps.gateway.is_connected(each.id)]
    answers = _ask(give, ctx, connected, only, why)
    for each in appliances:
        if each not in connected and not has(answers.seen, name):
            answers.seen[each.id] = give.give(ctx, each.id, orders.DISCOVER, only, why=why).facts
    if answers.silent and not has(answers.seen, name):
        raise answers.silent[0][1]
    machine = lookup.find_machine(lookup.merged(answers.seen.values()), name, site)
    found = holder(appliances, answers.seen, machine)
    platforms.require(site, found.appliance.hello.fabric_kind if found.appliance.hello else None)
    return replace(found, silent=tuple(each.name for each, _problem in answers.silent))


def keeps_no_stores(store: str | None, target: TargetCheckFact) -> Obstacles:
    """The obstacle to naming a store at an older appliance, which would ignore the name."""
    if store is None or target.keeps:
        return Obstacles()
    what = (
        "The target's appliance is of an older release, which has one store: it cannot be told to use "
        f"'{store}'."
    )
    return Obstacles(obstacles=(ObstacleShape(what=what, do="Update it, or leave the store out."),))


def copies_beside(
    deps: Deps,
    give: Orders,
    ctx: StepContext,
    target: ApplianceRecord,
    fabric_id: str,
    except_for: Sequence[str] = (),
) -> Obstacles:
    """The obstacle of a copy at another host of the target's site, left by a protection that this vault has
    forgotten, or that has ended: a failed-over machine would run beside it."""
    with deps.store.reading() as tx:
        known = lookup.appliances_of(tx, target.site)
        others = [each for each in known if each.id not in (target.id, *except_for)]
    connected = [each for each in others if deps.gateway.is_connected(each.id)]
    only, why = orders.Discover(machine=fabric_id), f"looking for a copy at {target.site}"
    answers = _ask(give, ctx, connected, only, why)
    found = [
        _in_the_way(each, machine)
        for each in connected
        for machine in (answers.seen[each.id].machines if each.id in answers.seen else ())
        if machine.fabric_id == fabric_id
    ]
    return Obstacles(obstacles=(*found, *(_not_asked(each, problem) for each, problem in answers.silent)))


def _not_asked(at: ApplianceRecord, problem: errors.SecondsiteError) -> ObstacleShape:
    return ObstacleShape(
        what=(
            f"Whether a copy of the machine is at the host of appliance '{at.name}' of {at.site} is not "
            f"known: {problem.message}"
        ),
        do="Look there, and see why that appliance does not answer.",
        blocking=False,
    )


def _in_the_way(at: ApplianceRecord, machine: DiscoveredMachine) -> ObstacleShape:
    return ObstacleShape(
        what=f"A copy of the machine is at {at.site} already: {machine.name}, which is {machine.power}, at "
        f"the host of appliance '{at.name}'.",
        do="If that is the machine that you need, protect it from there; else remove it. Or have that host "
        f"hold the new replica ('--target-appliance {at.name}').",
    )


def has(seen: Mapping[str, Inventory], name: str) -> bool:
    """Whether one of these inventories has a machine of that name or id."""
    return any(lookup.has(found, name) for found in seen.values())


def holder(
    appliances: Sequence[ApplianceRecord], seen: Mapping[str, Inventory], wanted: DiscoveredMachine
) -> PlacedMachine:
    """The appliance that has the machine; of several on the same host, which share a hypervisor, the one that
    was enrolled first. Raises InvalidArgument if hosts differ: one of them has only a definition, or reports
    falsely, and would be given the machine's replication."""
    holders = [
        PlacedMachine(each, machine)
        for each in appliances
        for machine in (seen[each.id].machines if each.id in seen else ())
        if machine.fabric_id == wanted.fabric_id
    ]
    hosts = {_host(each.appliance) for each in holders}
    if len(holders) > 1 and (len(hosts) > 1 or None in hosts):
        said = ", ".join(f"'{each.appliance.name}' ({each.machine.power})" for each in holders)
        raise errors.InvalidArgument(
            (
                f"Several hosts of site {holders[0].appliance.site} report that they have {wanted.name}: "
                f"those of the appliances {said}."
            ),
            do="Look where it is, and remove its definition at the other host ('virsh undefine', without "
            "its disks). If it is not there at all, somebody else may control that appliance.",
        )
    return min(holders, key=lambda found: found.appliance.enrolled_at)


def _host(appliance: ApplianceRecord) -> str | None:
    return appliance.hello.host if appliance.hello else None
