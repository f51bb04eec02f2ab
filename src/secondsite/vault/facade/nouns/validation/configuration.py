"""Flaws in the configuration, as far as they can be found without asking the sites. Pure."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .....domain import shell
from .....domain.amounts import exact_size, size, span
from .....domain.drills.networks import MADE, NO_NETWORK
from .....domain.lifecycle import State
from .....domain.policies import ReplicationPolicy
from .....ground.plural import counted
from .....wire.common.hooks import MachineHook
from .....wire.common.machines import MachineDefinition
from .....wire.common.stores import DEFAULT, StoreSpace
from .....wire.rest.places import NetworkMapping
from .....wire.rest.validation import FlawKind
from ....health.standing_findings import NOT_PROTECTED, not_protected
from ....store import ApplianceRecord, DrillScheduleRecord, MachineRecord, PlanRecord, SiteRecord

NEARLY_FULL = 0.05
"""The part of a store's size below which its free space is a flaw."""


class UndatedFlaw(NamedTuple):
    """A flaw, without the time since which it is known."""

    kind: FlawKind
    about: str
    what: str
    do: str
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class World:
    """The configuration, and what is known of the sites. `networks` are the names of each site's networks,
    for sites that ever reported them; `points`: how many undamaged recovery points each machine has, by its
    id; `memory`: the bytes that a copy of it takes at its target."""

    sites: Mapping[str, SiteRecord]
    networks: Mapping[str, frozenset[str]]
    appliances: Mapping[str, ApplianceRecord]
    machines: Mapping[str, MachineRecord]
    points: Mapping[str, int]
    memory: Mapping[str, int]
    mappings: tuple[NetworkMapping, ...]
    policies: tuple[ReplicationPolicy, ...]
    plans: tuple[PlanRecord, ...]
    schedules: tuple[DrillScheduleRecord, ...]
    definitions: Mapping[str, MachineDefinition] = field(default_factory=dict)
    """The definitions of machines whose source answered, by machine id."""
    hooks: Mapping[str, Sequence[MachineHook]] = field(default_factory=dict)
    """The hooks of machines that have any, by machine id."""


def found(world: World) -> Iterator[UndatedFlaw]:
    yield from _preparation(world)
    for mapping in world.mappings:
        yield from _mapping(world, mapping)
    for machine in world.machines.values():
        yield from _appliances(world, machine)
        yield from _kept(world, machine)
        yield from _protection(machine)
    for appliance in world.appliances.values():
        for store in appliance.stores:
            yield from _store(appliance, store)
    for policy in world.policies:
        yield from _policy(policy)
    for plan in world.plans:
        yield from _plan(world, plan)
    for schedule in world.schedules:
        yield from _schedule(world, schedule)
    for site in world.sites.values():
        yield from _verification(world, site)


def _preparation(world: World) -> Iterator[UndatedFlaw]:
    """The steps towards a first failover, in their order; a missing one hides those that need it."""
    if len(world.sites) < 2:
        what = (
            f"There {'is' if len(world.sites) == 1 else 'are'} {counted(len(world.sites), 'site')}; a "
            "failover needs two."
        )
        yield UndatedFlaw(FlawKind.PREPARATION, "sites", what, "'secondsite site create NAME'.", ())
    served = {each.site for each in world.appliances.values()}
    for site in sorted(set(world.sites) - served):
        do = (
            f"'secondsite appliance create-registration-key --site {site}'; the guide on installing says "
            "what to do with it."
        )
        yield UndatedFlaw(FlawKind.PREPARATION, f"site {site}", "It has no appliance.", do, (site,))
    if len(served) > 1 and not world.machines:
        do = "'secondsite machine enable-protection MACHINE --source SITE --target SITE'."
        yield UndatedFlaw(FlawKind.PREPARATION, "machines", "No machine is protected.", do, ())
    for machine in world.machines.values():
        if machine.state is State.PROTECTED and machine.drilled_at is None:
            do = (
                f"'secondsite machine test-failover {shell.arguments(machine.name, options='--clean-up')}'; "
                "or let 'secondsite drill schedule set' do it."
            )
            what = "It has not been tried yet whether it starts at its other site."
            yield UndatedFlaw(FlawKind.PREPARATION, _machine(machine), what, do, _sites(machine))


def _mapping(world: World, mapping: NetworkMapping) -> Iterator[UndatedFlaw]:
    both = mapping.source_site, mapping.target_site
    about = f"mapping of {mapping.source_network} from {mapping.source_site} to {mapping.target_site}"
    for site, network in ((both[0], mapping.source_network), (both[1], mapping.target_network)):
        if site in world.networks and network not in world.networks[site]:
            do = (
                "Make that network, or map to another one: 'secondsite network list', then 'secondsite "
                f"mapping create {shlex.quote(f'{both[0]}/{mapping.source_network}')} {both[1]}/NETWORK'."
            )
            yield UndatedFlaw(
                FlawKind.NETWORK_MISSING, about, f"Site {site} has no network '{network}'.", do, both
            )


def _appliances(world: World, machine: MachineRecord) -> Iterator[UndatedFlaw]:
    sides = (
        (machine.source_site, machine.source_appliance_id),
        (machine.target_site, machine.target_appliance_id),
    )
    for site, appliance_id in sides:
        if appliance_id not in world.appliances:
            what = f"Its appliance at site {site} is not enrolled any more."
            do = (
                f"Enroll one in its place: 'secondsite appliance create-registration-key --site {site}'; the "
                "guide on stolen appliances says how."
            )
            yield UndatedFlaw(FlawKind.APPLIANCE_AWAY, _machine(machine), what, do, _sites(machine))


def _protection(machine: MachineRecord) -> Iterator[UndatedFlaw]:
    if machine.state in NOT_PROTECTED:
        commit = (
            ""
            if machine.state is State.COMMITTED
            else f"'secondsite machine commit {shell.arguments(machine.name)}', then "
        )
        do = f"{commit}'secondsite machine reprotect {shell.arguments(machine.name)}'."
        yield UndatedFlaw(
            FlawKind.PREPARATION, _machine(machine), not_protected(machine), do, _sites(machine)
        )


def _kept(world: World, machine: MachineRecord) -> Iterator[UndatedFlaw]:
    """Replicas without their store. (An appliance of an older release reports no stores.)"""
    appliance = world.appliances.get(machine.target_appliance_id)
    wanted = machine.kept.store or DEFAULT
    if appliance is not None and appliance.stores and wanted not in [each.name for each in appliance.stores]:
        what = (
            f"Appliance '{appliance.name}' of site {appliance.site} has no store '{wanted}', in which its "
            "replica is to be kept."
        )
        do = (
            "Put the store back into that appliance's configuration, and start it again: 'secondsite site "
            f"show {appliance.site}' lists those that it has."
        )
        yield UndatedFlaw(FlawKind.STORE, _machine(machine), what, do, _sites(machine))


def _store(appliance: ApplianceRecord, store: StoreSpace) -> Iterator[UndatedFlaw]:
    about = f"store {store.name} of {appliance.name} at {appliance.site}"
    if store.problem is not None:
        do = "Mount its file system, or repair it; then start the appliance again."
        yield UndatedFlaw(FlawKind.STORE, about, store.problem, do, (appliance.site,))
    elif (
        store.free_bytes is not None
        and store.size_bytes
        and store.free_bytes < NEARLY_FULL * store.size_bytes
    ):
        what = f"It has {size(store.free_bytes)} left of {size(store.size_bytes)}."
        do = (
            "Free space in its file system, give it more, or shorten the retention of the machines that are "
            "kept there."
        )
        yield UndatedFlaw(FlawKind.STORE, about, what, do, (appliance.site,))


def _policy(policy: ReplicationPolicy) -> Iterator[UndatedFlaw]:
    threshold = policy.rpo_threshold_seconds
    every = max(policy.crash_consistent_every_seconds, policy.cycle_seconds)
    if threshold < every:
        what = (
            f"Points are made every {span(every)} at best, but the RPO threshold is {span(threshold)}: it "
            "will be exceeded again and again."
        )
        do = (
            "Raise the threshold, or make points more often: 'secondsite policy update "
            f"{shell.arguments(policy.name)}'."
        )
        yield UndatedFlaw(FlawKind.POLICY, f"policy {policy.name}", what, do, ())


def _plan(world: World, record: PlanRecord) -> Iterator[UndatedFlaw]:
    about, sites = f"plan {record.name}", _of_plan(record)
    for each in record.plan.machines:
        machine = world.machines.get(each.id)
        if machine is None:
            do = (
                "Take it out of the plan, or protect it again and put it in: 'secondsite plan show "
                f"{shell.arguments(record.name)}'."
            )
            yield UndatedFlaw(FlawKind.PLAN, about, f"{each.name} is not protected any more.", do, sites)
        elif not world.points.get(each.id) and machine.state is State.PROTECTED:
            do = (
                "Wait for its next point, and look at 'secondsite machine show "
                f"{shell.arguments(machine.name)}'."
            )
            yield UndatedFlaw(
                FlawKind.PLAN, about, f"{machine.name} has no recovery point that is whole.", do, sites
            )


def _schedule(world: World, record: DrillScheduleRecord) -> Iterator[UndatedFlaw]:
    schedule, about = record.schedule, f"drill schedule {record.name}"
    plan = next((each for each in world.plans if record.is_for(each)), None)
    members = schedule.machines if plan is None else tuple(plan.plan.machines)
    sites = tuple(sorted({site for each in members for site in (each.source_site, each.target_site)}))
    do = (
        f"Change it: 'secondsite drill schedule set {shell.arguments(record.name)}'; or end it: 'secondsite "
        f"drill schedule remove {shell.arguments(record.name)}'."
    )
    if schedule.plan is not None and plan is None:
        yield UndatedFlaw(
            FlawKind.SCHEDULE, about, f"There is no plan '{schedule.plan}' any more.", do, sites
        )
    for each in schedule.machines:
        if each.id not in world.machines:
            yield UndatedFlaw(FlawKind.SCHEDULE, about, f"{each.name} is not protected any more.", do, sites)
    there = {world.machines[each.id].target_site for each in members if each.id in world.machines}
    for site in sorted(there):
        if _lacks(world, site, schedule.network):
            what = f"Site {site} has no network '{schedule.network}'."
            yield UndatedFlaw(FlawKind.NETWORK_MISSING, about, what, do, sites)


def _lacks(world: World, site: str, network: str) -> bool:
    named = network not in MADE and network != NO_NETWORK
    return named and site in world.networks and network not in world.networks[site]


def _verification(world: World, site: SiteRecord) -> Iterator[UndatedFlaw]:
    """Machines that are too large for the verification at their site: nothing else reports that they are
    always left out."""
    given = site.verification
    if given.every_days == 0 or given.memory_bytes is None:
        return
    for machine in world.machines.values():
        memory_bytes = world.memory.get(machine.id, 0)
        if machine.target_site == site.name and memory_bytes > given.memory_bytes:
            what = (
                f"{machine.name} has {exact_size(memory_bytes)} of memory, and all copies together have "
                f"{exact_size(given.memory_bytes)}: its points are never booted."
            )
            do = (
                f"Give more: 'secondsite site verify {shlex.quote(site.name)} --memory 8GiB' (it replaces "
                "all that is set); or drill the machine by schedule."
            )
            yield UndatedFlaw(FlawKind.SCHEDULE, f"verification at {site.name}", what, do, (site.name,))


def _machine(machine: MachineRecord) -> str:
    return f"machine {machine.name}"


def _sites(machine: MachineRecord) -> tuple[str, str]:
    return machine.source_site, machine.target_site


def _of_plan(record: PlanRecord) -> tuple[str, ...]:
    return tuple(
        sorted({site for each in record.plan.machines for site in (each.source_site, each.target_site)})
    )
