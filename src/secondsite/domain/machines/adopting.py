"""Decisions about machines that a new vault takes over from one that is gone.

The former vault may come back. Appliances that were taken over have seen a higher number of each machine, so
they refuse its orders (ADR 22).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from .. import counters
from ..lifecycle import State
from ..plans.plan import RecoveryPlan

AHEAD = 1000
"""How far above all numbers that were seen a machine's number begins: the former vault may have given some
that no appliance reported."""


@dataclass(frozen=True, slots=True)
class ReplicaSituation:
    """What the appliances have of a machine. `committed`: a failover that was committed; `started`: a machine
    that was started from a point; `defined`: the hypervisor knows that machine."""

    committed: bool = False
    started: bool = False
    defined: bool = False


def state_of(standing: ReplicaSituation) -> State:
    """The lifecycle state that follows. A machine that runs in plain QEMU is not failed over yet: a failover
    from the same point takes it over as it is."""
    if standing.committed:
        return State.COMMITTED
    return State.FAILED_OVER if standing.started and standing.defined else State.PROTECTED


def number(own: int, seen: int) -> int:
    """The machine's number from now on: `own` if this vault gave it and no appliance has seen a later one."""
    return own if own >= seen and own > 0 else min(seen + AHEAD, counters.MOST)


def is_source(source_epoch: int | None, replica_epoch: int | None) -> bool:
    """Whether the machine runs, or ran last, at a site that has both a source and a replica of it: the
    replica may be left from an earlier direction."""
    return source_epoch is not None and (replica_epoch is None or source_epoch > replica_epoch)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The wanted name, or a similar one that is free."""
    numbered = (f"{wanted}-adopted{number or ''}" for number in range(len(taken) + 1))
    return next(each for each in (wanted, *numbered) if each not in taken)


def sites_named(plan: RecoveryPlan, names: Mapping[str, str]) -> RecoveryPlan:
    """The plan with the present names of its sites."""

    def now(name: str) -> str:
        return names.get(name, name)

    groups = tuple(
        replace(
            group,
            machines=tuple(
                replace(each, source_site=now(each.source_site), target_site=now(each.target_site))
                for each in group.machines
            ),
        )
        for group in plan.groups
    )
    return replace(plan, groups=groups)
