"""What it takes to protect machines, from what is known of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .....domain import errors
from .....domain.policies import ReplicationPolicy
from .....domain.prediction import capacity as domain
from .....domain.prediction.capacity import Assumptions, Basis, Need, Needs
from .....ground.units import DAY
from .....wire.common.base import Problem
from .....wire.common.stores import believed
from .....wire.rest.plans import Plan
from .....wire.rest.predictions import (
    Capacity,
    CapacityQuery,
    LargestPlan,
    MachineCapacity,
    TargetCapacity,
    Which,
)
from ....store import MachineRecord, StatusRecord, Transaction
from ...parts import Parts
from ...shared import discovery
from .. import sites
from ..plans import Plans
from . import subjects, words
from .subjects import Subject


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known without asking a site: `machines` are those that are protected this way, `every` all."""

    policy: ReplicationPolicy
    machines: Sequence[tuple[MachineRecord, StatusRecord]]
    every: Sequence[MachineRecord]


class Capacities:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def plan(self, query: CapacityQuery) -> Capacity:
        """What it takes to protect these machines. Raises NotFound for an unknown site, policy or machine,
        InvalidArgument for a site that would be protected to itself."""
        known = self._known(query)
        found = [subjects.protected(*each, query) for each in known.machines]
        problem = None
        if query.machine or query.which is not Which.PROTECTED:
            others, problem = self._unprotected(query.source, known)
            found += others
        found = sorted(subjects.wanted(found, query), key=lambda each: each.load.name)
        assumed = Assumptions(query.daily_change_percent, query.used_percent, query.busiest_factor)
        needs = domain.needs([each.load for each in found], known.policy, assumed)
        return self._told(query, known.policy, found, needs, problem)

    def _known(self, query: CapacityQuery) -> _Known:
        if query.source == query.target:
            raise errors.InvalidArgument(
                f"Machines of site {query.source} cannot be protected to the same site.",
                do="Give another site with --target.",
            )
        parts = self._parts
        with parts.store.reading() as tx:
            sites.existing(parts, tx, query.source)
            if parts.sees(query.target):
                sites.existing(parts, tx, query.target)
            policy = _policy(tx, query.policy)
            every = tx.machines.list()
            own = [each for each in every if _is_of(each, query) and parts.sees(query.source)]
            statuses = parts.facts.latest_of(tx, [each.id for each in own])
            return _Known(policy, [(each, statuses[each.id]) for each in own], every)

    def _unprotected(self, site: str, known: _Known) -> tuple[list[Subject], Problem | None]:
        seen = discovery.seen(self._parts, site)
        free = discovery.unprotected(site, seen.inventory, known.every)
        found = [subjects.unprotected(each) for each in free]
        return found, seen.problem

    def _told(
        self,
        query: CapacityQuery,
        policy: ReplicationPolicy,
        found: Sequence[Subject],
        needs: Needs,
        problem: Problem | None,
    ) -> Capacity:
        with self._parts.store.reading() as tx:
            there = _there(tx, query.target) if self._parts.sees(query.target) else None
        shape = Capacity(
            source=query.source,
            target=query.target,
            policy=policy.name,
            rpo_goal_seconds=policy.rpo_threshold_seconds,
            retention_seconds=policy.retention_seconds,
            machines=tuple(_row(*each) for each in zip(found, needs.machines, strict=True)),
            measured=sum(each.basis is Basis.MEASURED for each in needs.machines),
            mean_rate=round(needs.mean_rate),
            goal_rate=round(needs.goal_rate),
            bandwidth=query.bandwidth,
            first_copy_bytes=round(needs.first_copy_bytes),
            first_copy_seconds=None if query.bandwidth is None else needs.first_copy_seconds(query.bandwidth),
            store_bytes=round(needs.store_bytes),
            more_store_bytes=max(0, round(needs.store_bytes) - sum(each.there_bytes for each in found)),
            scratch_bytes=needs.scratch_bytes,
            memory_bytes=needs.memory_bytes,
            vcpus=needs.vcpus,
            largest_plan=_largest_plan(Plans(self._parts).list(), found),
            there=there,
            problem=problem,
        )
        return shape.model_copy(
            update={
                "assumptions": tuple(words.assumptions(shape, query)),
                "warnings": tuple(words.warnings(shape, policy)),
            }
        )


def _policy(tx: Transaction, name: str) -> ReplicationPolicy:
    found = tx.policies.find(name)
    if found is None:
        raise errors.NotFound.named("policy", name)
    return found


def _is_of(machine: MachineRecord, query: CapacityQuery) -> bool:
    """Whether it runs at the source and, if no machines are named, is protected to the target."""
    same = machine.source_site == query.source
    return same and (bool(query.machine) or machine.target_site == query.target)


def _row(of: Subject, need: Need) -> MachineCapacity:
    load = need.load
    return MachineCapacity(
        machine=load.name,
        protected=of.protected,
        basis=need.basis,
        measured_seconds=None if load.churn is None else round(load.churn.seconds, 1),
        disk_bytes=load.disk_bytes,
        base_bytes=round(need.base_bytes),
        daily_bytes=round(need.mean_rate * DAY),
        busiest_rate=round(need.busiest_rate),
        store_bytes=round(need.store_bytes),
        memory_bytes=load.memory_bytes,
        vcpus=load.vcpus,
    )


def _largest_plan(plans: Iterable[Plan], found: Sequence[Subject]) -> LargestPlan | None:
    loads = {each.id: each.load for each in found}
    largest: LargestPlan | None = None
    for plan in plans:
        own = [loads[each.id] for group in plan.groups for each in group.machines if each.id in loads]
        memory, vcpus = sum(each.memory_bytes for each in own), sum(each.vcpus for each in own)
        if own and (largest is None or memory > largest.memory_bytes):
            largest = LargestPlan(plan=plan.name, machines=len(own), memory_bytes=memory, vcpus=vcpus)
    return largest


def _there(tx: Transaction, site: str) -> TargetCapacity | None:
    """What the site's hosts and stores have, as far as that can be."""
    appliances = tx.appliances.list(site)
    told = [each.capacity for each in appliances if each.capacity is not None and each.capacity.is_believed]
    stores = [store for each in appliances for store in each.stores]
    if not told and not stores:
        return None
    return TargetCapacity(
        hosts=len(told),
        memory_bytes=sum(each.memory_bytes for each in told),
        free_bytes=sum(each.free_bytes for each in told),
        largest_host_bytes=max((each.memory_bytes for each in told), default=0),
        vcpus=sum(each.vcpus for each in told),
        store_free_bytes=sum(believed(each.free_bytes, each.size_bytes) for each in stores),
    )
