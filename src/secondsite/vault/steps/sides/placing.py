"""Which appliances take part where a site has several hypervisors, each with an appliance of its own.

The source is the appliance that has the machine. The target is the one that was named, or else the connected one with
the most free space. A protected machine stays with its two appliances, whatever its roles at them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....jobs.model.context import StepContext
from ....wire.common.machines import DiscoveredMachine, PowerState
from ....wire.common.stores import DEFAULT
from ....wire.control import orders
from ....wire.control.checks import CheckedTarget, Obstacles, ObstacleShape
from ....wire.control.orders import Inventory
from ... import ports
from .. import lookup
from ..deps import Deps
from .giving_orders import Orders


@dataclass(frozen=True, slots=True)
class Found:
    """A machine, and the appliance that has it."""

    appliance: ports.ApplianceRecord
    machine: DiscoveredMachine


def at_source(deps: Deps, give: Orders, ctx: StepContext, name: str, site: str) -> Found:
    """The machine and its appliance. Those that are away are waited for only while no other has it. Raises NotFound,
    InvalidArgument, and what `Orders.give` raises."""
    with deps.store.reading() as tx:
        appliances = sorted(
            lookup.appliances_of(tx, site), key=lambda each: not deps.gateway.is_connected(each.id)
        )
    only, seen = orders.Discover(machine=name), dict[str, Inventory]()
    for each in appliances:
        if deps.gateway.is_connected(each.id) or not _has(seen, name):
            why = f"looking for {name} at {site}"
            seen[each.id] = give.give(ctx, each.id, orders.DISCOVER, only, why=why).facts
    machine = lookup.find_machine(lookup.merged(seen.values()), name, site)
    return _nearest(appliances, seen, machine.fabric_id)


def at_target(deps: Deps, site: str, wanted: str | None, store: str | None = None) -> ports.ApplianceRecord:
    """The appliance of that id; without one, the best of the site, if possible one that has this store. Raises NotFound."""
    with deps.store.reading() as tx:
        if wanted is not None:
            return lookup.appliance_named(tx, site, wanted)
        known = lookup.appliances_of(tx, site)
    return min(known, key=lambda each: (not deps.gateway.is_connected(each.id), *_room(each, store)))


def _room(appliance: ports.ApplianceRecord, store: str | None) -> tuple[bool, int]:
    """Whether it lacks the store, and what is not free there: the least is the best."""
    if store in (None, DEFAULT):
        return False, -(appliance.store_free_bytes or 0)
    free = [each.free_bytes or 0 for each in appliance.stores if each.name == store]
    return not free, -sum(free)


def keeps_no_stores(store: str | None, target: CheckedTarget) -> Obstacles:
    """What is in the way of keeping a replica in a store with an older appliance, which would not look at its name."""
    if store is None or target.keeps:
        return Obstacles()
    what = f"The target's appliance is of an older release, which has one store: it cannot be told to use '{store}'."
    return Obstacles(obstacles=(ObstacleShape(what=what, do="Update it, or leave the store out."),))


def copies_beside(
    deps: Deps,
    give: Orders,
    ctx: StepContext,
    target: ports.ApplianceRecord,
    fabric_id: str,
    except_for: Sequence[str] = (),
) -> Obstacles:
    """A copy at another host of the target's site, of a protection that this vault has forgotten, or that has ended: what is
    failed over later would run beside it."""
    with deps.store.reading() as tx:
        known = lookup.appliances_of(tx, target.site)
        others = [each for each in known if each.id not in (target.id, *except_for)]
    found = []
    for each in others:
        if deps.gateway.is_connected(each.id):
            why = f"looking for a copy at {target.site}"
            only = orders.Discover(machine=fabric_id)
            seen = give.give(ctx, each.id, orders.DISCOVER, only, why=why).facts
            found += [(each, machine) for machine in seen.machines if machine.fabric_id == fabric_id]
    return Obstacles(obstacles=tuple(_in_the_way(at, machine) for at, machine in found))


def _in_the_way(at: ports.ApplianceRecord, machine: DiscoveredMachine) -> ObstacleShape:
    return ObstacleShape(
        what=f"A copy of the machine is at {at.site} already: {machine.name}, which is {machine.power}, at the host of "
        f"appliance '{at.name}'.",
        do=f"If that is the machine that you need, protect it from there; else remove it. Or have that host hold the new replica "
        f"('--target-appliance {at.name}').",
    )


def _has(seen: Mapping[str, Inventory], name: str) -> bool:
    return any(name in (each.fabric_id, each.name) for found in seen.values() for each in found.machines)


def _nearest(
    appliances: Sequence[ports.ApplianceRecord], seen: Mapping[str, Inventory], fabric_id: str
) -> Found:
    """Where it runs, if several have it: they share a hypervisor, or one was left with its definition."""
    holders = [
        Found(each, machine)
        for each in appliances
        for machine in (seen[each.id].machines if each.id in seen else ())
        if machine.fabric_id == fabric_id
    ]
    return min(holders, key=lambda found: found.machine.power is not PowerState.RUNNING)
