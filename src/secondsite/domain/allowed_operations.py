"""Which verbs can succeed for a machine now, and why the others cannot: its state, a drill, a site that is
not connected, no recovery point to start from, or saved memory.

The lifecycle decides what is refused; this says what is worth trying.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import errors, lifecycle, power_states
from .lifecycle import DRILL_ALLOWED_IN, DrillState, State, Verb
from .plans.run_selection import listed

STARTS_FROM_A_POINT = frozenset({Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER})
NEEDS_TARGET = STARTS_FROM_A_POINT | {
    Verb.CHANGE_RECOVERY_POINT,
    Verb.REPROTECT,
    Verb.RESYNCHRONIZE,
    Verb.INCLUDE_DISK,
    Verb.EXCLUDE_DISK,
}
"""Verbs that cannot do without the machine's target; the others can leave out a site that is gone for
good."""
NEEDS_SOURCE = frozenset(
    {
        Verb.PLANNED_FAILOVER,
        Verb.CANCEL_FAILOVER,
        Verb.REPROTECT,
        Verb.RESYNCHRONIZE,
        Verb.INCLUDE_DISK,
        Verb.EXCLUDE_DISK,
    }
)
WHERE_IT_RUNS = frozenset({Verb.UPDATE_NAMES, Verb.SETTLE})
"""Verbs that need the site where the machine runs, and no other."""
GO_ON_ELSEWHERE = frozenset({Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.TEST_FAILOVER})
"""Verbs that have another host of the target's site take the replica over, if its own does not answer."""
TAKES_BACK = frozenset({Verb.CANCEL_FAILOVER, Verb.CHANGE_RECOVERY_POINT})
"""Verbs that remove the failed-over machine."""
NEEDS_WHOLE_SOURCE = frozenset({Verb.PLANNED_FAILOVER, Verb.REPROTECT})
"""Verbs that take the disks of a machine that is off for all of it: refused if its memory is saved."""


@dataclass(frozen=True, slots=True)
class MachineSituation:
    """A machine, as far as the vault knows. `away`: those of its two sites whose appliance is not connected.
    `has_points`, `has_choice` (points of more than one instant), `power`: as last reported, None if never.
    `committed`: the target reported the failover as committed, even if the commit has not ended.
    `has_other_host`: another host of the target's site can take its replica over."""

    name: str
    state: State
    drill: DrillState
    source_site: str
    target_site: str
    away: frozenset[str] = frozenset()
    has_points: bool | None = None
    has_choice: bool | None = None
    power: str | None = None
    committed: bool = False
    has_other_host: bool = False


@dataclass(frozen=True, slots=True)
class RefusedVerb:
    """Why a verb cannot succeed now, and what to do."""

    why: str
    do: str


Standing = tuple[str, State, DrillState]
"""A machine's name, its state, and that of its test failover."""


def require_all(verb: Verb, machines: Sequence[Standing]) -> None:
    """Raises NotPossibleNow, which names all machines for which the lifecycle refuses the verb."""
    hinder = [each for each in machines if verb not in lifecycle.allowed_operations(*each[1:])]
    if len(hinder) > 1:
        said = [f"{name} is {lifecycle.standing(state, drill)}" for name, state, drill in hinder]
        raise errors.NotPossibleNow.several(verb.value, listed(said))
    for each in hinder:
        lifecycle.require(verb, *each)


def refused(standing: MachineSituation) -> Mapping[Verb, RefusedVerb]:
    """The verbs that cannot succeed now, with the reason; all others may be offered."""
    found = {
        verb: _by_state(verb, standing.state, standing.drill) or _by_world(verb, standing) for verb in Verb
    }
    return {verb: reason for verb, reason in found.items() if reason is not None}


def _by_state(verb: Verb, state: State, drill: DrillState) -> RefusedVerb | None:
    if verb in lifecycle.allowed_operations(state, drill):
        return None
    if lifecycle.is_moving(state):
        return RefusedVerb(f"A job is in progress for the machine: it is {state}.", "Wait for the job's end.")
    return _by_drill(verb, drill) or _elsewhere(verb, state)


def _by_drill(verb: Verb, drill: DrillState) -> RefusedVerb | None:
    if verb is Verb.CLEANUP_TEST_FAILOVER:
        if drill is DrillState.NONE:
            return RefusedVerb("No test failover is open.", "There is nothing to clean up.")
        return RefusedVerb(f"The test failover is {drill}.", "Wait for the job's end.")
    if drill is DrillState.NONE or verb not in {Verb.TEST_FAILOVER, *lifecycle.REFUSED_DURING_DRILL}:
        return None
    return RefusedVerb(f"A test failover is {drill}.", "Clean it up with 'cleanup-test-failover' first.")


def _elsewhere(verb: Verb, state: State) -> RefusedVerb:
    if verb is Verb.ENABLE_PROTECTION:
        return RefusedVerb("It is under protection already.", "To begin anew, disable its protection first.")
    begins = DRILL_ALLOWED_IN if verb is Verb.TEST_FAILOVER else lifecycle.begins_in(verb)
    return RefusedVerb(
        f"It is {state}; this begins only where a machine is {' or '.join(sorted(begins))}.",
        "Use one of the verbs that are possible now.",
    )


def _by_world(verb: Verb, standing: MachineSituation) -> RefusedVerb | None:
    if verb is Verb.MOVE_REPLICA and not standing.has_other_host:
        return RefusedVerb(
            f"No other appliance of site {standing.target_site} reaches the store of its replica.",
            "Keep the stores of the site's hosts side by side on a file system that they share.",
        )
    for site in _needed(verb, standing):
        if site in standing.away:
            return RefusedVerb(
                f"The appliance of site {site} is not connected.",
                "Start it, or check its network ('secondsite appliance list').",
            )
    if verb in {*TAKES_BACK, Verb.MOVE_REPLICA} and standing.committed:
        return RefusedVerb("A commit of its failover has begun.", "Commit again: there is no way back.")
    if verb in STARTS_FROM_A_POINT and standing.has_points is False:
        return RefusedVerb(
            f"Site {standing.target_site} has no recovery point of it.", "Wait until one has arrived."
        )
    if verb is Verb.CHANGE_RECOVERY_POINT and standing.has_choice is False:
        return RefusedVerb(
            f"Site {standing.target_site} keeps no other recovery point of it.",
            "Cancel the failover, or commit it. A policy with a longer retention keeps several points.",
        )
    if verb in NEEDS_WHOLE_SOURCE and standing.power is not None:
        return _by_power(standing.power, standing.name, old_copy=verb is Verb.REPROTECT)
    return None


def _needed(verb: Verb, standing: MachineSituation) -> Iterator[str]:
    """The sites that the verb cannot do without."""
    is_there = standing.state in lifecycle.RUNS_AT_TARGET_AT_REST
    is_replaced = verb in GO_ON_ELSEWHERE and standing.has_other_host
    if (verb in NEEDS_TARGET and not is_replaced) or (verb in WHERE_IT_RUNS and is_there):
        yield standing.target_site
    if verb in NEEDS_SOURCE or (verb in WHERE_IT_RUNS and not is_there):
        yield standing.source_site


def _by_power(power: str, name: str, *, old_copy: bool) -> RefusedVerb | None:
    try:
        power_states.obstacle(power, name, old_copy=old_copy)
    except errors.NotPossibleNow as problem:
        return RefusedVerb(problem.message, problem.do)
    return None
