"""A new vault takes over machines of one that is gone: what follows from what is found of them.

The former vault may come back. Whatever it believes, appliances that were taken over have seen a higher
number of each machine, and refuse what it orders (ADR 22).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from .. import counters
from ..lifecycle import State
from ..plans.plan import RecoveryPlan

AHEAD = 1000
"""So far above all that was seen the numbers of a machine begin: the former vault may have given some that
nobody saw."""


@dataclass(frozen=True, slots=True)
class ReplicaSituation:
    """What stands on a machine's replica: `committed`: a failover that was committed; `started`: a machine
    that was started from a point, and `defined`: the hypervisor knows that machine."""

    committed: bool = False
    started: bool = False
    defined: bool = False


def state_of(standing: ReplicaSituation) -> State:
    """What plain QEMU runs is no failover yet: a failover from the same point makes it one, as it is."""
    if standing.committed:
        return State.COMMITTED
    return State.FAILED_OVER if standing.started and standing.defined else State.PROTECTED


def number(own: int, seen: int) -> int:
    """The number of a machine from now on: `own` if this vault gave it and nobody has seen a later one."""
    return own if own >= seen and own > 0 else min(seen + AHEAD, counters.MOST)


def is_source(source_epoch: int | None, replica_epoch: int | None) -> bool:
    """Whether the machine runs, or ran last, where both are: a replica of an earlier direction stays under
    the machine that is replicated from there since."""
    return source_epoch is not None and (replica_epoch is None or source_epoch > replica_epoch)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """That name, or one like it that nothing else has."""
    numbered = (f"{wanted}-adopted{number or ''}" for number in range(len(taken) + 1))
    return next(each for each in (wanted, *numbered) if each not in taken)


def sites_named(plan: RecoveryPlan, names: Mapping[str, str]) -> RecoveryPlan:
    """The plan with the names that its sites have now."""

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
