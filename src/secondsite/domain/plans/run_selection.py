"""Which machines of a plan a run takes, and in which direction they go. Pure.

A run that was stopped is started again as a new one: it leaves out machines that have arrived, and says so
(S-152). Machines of both directions are never moved together unasked (S-135).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from .. import errors, lifecycle, shell
from ..lifecycle import DrillState, State, Verb
from .actions import Action
from .directions import Direction, FailoverKind
from .plan import PlanGroup, PlanMachine, RecoveryPlan

NAMED = 10
KINDS: Mapping[Verb, FailoverKind] = MappingProxyType(
    {
        Verb.TEST_FAILOVER: FailoverKind.TEST,
        Verb.FAILOVER: FailoverKind.UNPLANNED,
        Verb.PLANNED_FAILOVER: FailoverKind.PLANNED,
    }
)
"""The verbs for which actions of a plan are carried out; others have none."""
_MOVED = frozenset({State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED})
_ARRIVED: Mapping[Verb, frozenset[State]] = MappingProxyType(
    {
        Verb.FAILOVER: _MOVED,
        Verb.PLANNED_FAILOVER: _MOVED,
        Verb.CHANGE_RECOVERY_POINT: frozenset({State.PROTECTED}),
        Verb.COMMIT: frozenset({State.PROTECTED, State.COMMITTED}),
        Verb.CANCEL_FAILOVER: frozenset({State.PROTECTED}),
        Verb.REPROTECT: frozenset({State.PROTECTED}),
    }
)
"""The states in which there is nothing left to do for a machine."""
_DRILLED: Mapping[Verb, DrillState] = MappingProxyType(
    {Verb.TEST_FAILOVER: DrillState.RUNNING, Verb.CLEANUP_TEST_FAILOVER: DrillState.NONE}
)
VERBS = (*_DRILLED, *_ARRIVED)
"""The verbs that a plan can be run for."""


@dataclass(frozen=True, slots=True)
class MemberSituation:
    """A machine of a plan with its present state; `state` is None if its protection ended."""

    machine: PlanMachine
    state: State | None = None
    drill: DrillState = DrillState.NONE
    direction: Direction = Direction.AWAY


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The part of the plan to run. `groups` are numbers from 1, none for all; `leave_out` names or ids of
    machines."""

    verb: Verb
    direction: Direction | None = None
    groups: frozenset[int] = frozenset()
    leave_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SelectedGroup:
    """A group with the machines that are taken, and the actions of this run. Without machines: those arrived
    before, but an earlier run left something of the group to do."""

    number: int
    machines: tuple[PlanMachine, ...]
    before: tuple[Action, ...] = ()
    after: tuple[Action, ...] = ()
    arrived: tuple[PlanMachine, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSelection:
    """The result. `left_out` says of each other machine why it is not taken."""

    direction: Direction
    groups: tuple[SelectedGroup, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Selection:
    """Machines in the order of the plan: those that can be taken, and why others cannot."""

    possible: tuple[MemberSituation, ...] = ()
    left_out: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def take(plan: RecoveryPlan, now: Mapping[str, MemberSituation], wanted: RunRequest) -> RunSelection:
    """What a run takes; `now` is by machine id. Raises InvalidArgument for groups and machines that the plan
    does not have; NotPossibleNow for machines that cannot be taken, for both directions at once, and if
    nothing is left."""
    _require_known(plan, wanted)
    wanted = replace(wanted, leave_out=_ids_of(plan, now, wanted.leave_out))
    found = _sort(plan, now, wanted)
    if found.refused:
        raise _refusal(plan, wanted, found.refused)
    direction = _direction(plan, wanted, found)
    going = {each.machine.id for each in found.possible if each.direction is direction}
    others = tuple(_goes_elsewhere(each) for each in found.possible if each.machine.id not in going)
    groups = tuple(_groups(plan, wanted.verb, direction, going))
    return RunSelection(direction, groups, (*found.left_out, *others))


def arrived(
    plan: RecoveryPlan, now: Mapping[str, MemberSituation], wanted: RunRequest, direction: Direction
) -> tuple[int, ...]:
    """Numbers of those requested groups whose machines have all arrived where they would go; not a group with
    a machine that was left out by name."""
    left_out = _ids_of(plan, now, wanted.leave_out)

    def is_there(machine: PlanMachine) -> bool:
        standing = now.get(machine.id, MemberSituation(machine))
        is_asked = machine.id not in left_out and standing.direction is direction
        return is_asked and _has_arrived(wanted.verb, standing)

    numbered = enumerate(plan.groups, start=1)
    asked = [(number, group) for number, group in numbered if not wanted.groups or number in wanted.groups]
    return tuple(number for number, group in asked if all(map(is_there, group.machines)))


def _require_known(plan: RecoveryPlan, wanted: RunRequest) -> None:
    strangers = sorted(wanted.groups - set(range(1, len(plan.groups) + 1)))
    if strangers:
        raise _unknown(plan, str(strangers[0]))


def _ids_of(plan: RecoveryPlan, now: Mapping[str, MemberSituation], named: frozenset[str]) -> frozenset[str]:
    """The ids, by the machines' present names; a machine whose protection ended has its former name."""
    by_name: dict[str, list[str]] = {}
    for each in plan.machines:
        by_name.setdefault(now.get(each.id, MemberSituation(each)).machine.name, []).append(each.id)
    ids = {each.id for each in plan.machines}
    return frozenset(each if each in ids else _the_one(plan, each, by_name) for each in sorted(named))


def _the_one(plan: RecoveryPlan, name: str, by_name: Mapping[str, Sequence[str]]) -> str:
    found = by_name.get(name, ())
    if not found:
        raise _unknown(plan, name)
    if len(found) > 1:
        raise errors.InvalidArgument(
            f"Several machines of plan '{plan.name}' have the name '{name}'.",
            do=f"Give an id instead: {listed(found, ', ')}.",
        )
    return found[0]


def _unknown(plan: RecoveryPlan, what: str) -> errors.InvalidArgument:
    return errors.InvalidArgument(
        f"Plan '{plan.name}' has no group or machine '{what}'.",
        do=f"See 'secondsite plan show {shell.arguments(plan.name)}'.",
    )


def _sort(plan: RecoveryPlan, now: Mapping[str, MemberSituation], wanted: RunRequest) -> _Selection:
    possible, left_out, refused = [], [], []
    for number, group in enumerate(plan.groups, start=1):
        for machine in group.machines:
            standing = now.get(machine.id, MemberSituation(machine))
            if wanted.groups and number not in wanted.groups:
                left_out.append(f"{standing.machine.name}: group {number} was not asked for")
            elif machine.id in wanted.leave_out:
                left_out.append(f"{standing.machine.name}: as asked")
            elif standing.state is not None and wanted.direction not in (None, standing.direction):
                left_out.append(_goes_elsewhere(standing))
            elif _is_possible(wanted.verb, standing):
                possible.append(standing)
            elif _has_arrived(wanted.verb, standing):
                left_out.append(f"{standing.machine.name}: {_arrived(wanted.verb, standing)}")
            else:
                refused.append(_why_not(standing))
    return _Selection(tuple(possible), tuple(left_out), tuple(refused))


def _is_possible(verb: Verb, standing: MemberSituation) -> bool:
    return standing.state is not None and verb in lifecycle.allowed_operations(standing.state, standing.drill)


def _has_arrived(verb: Verb, standing: MemberSituation) -> bool:
    if standing.state is None:
        return False
    if verb in _DRILLED:
        return standing.drill is _DRILLED[verb]
    return standing.state in _ARRIVED[verb] and standing.drill is DrillState.NONE


def _arrived(verb: Verb, standing: MemberSituation) -> str:
    if verb in _DRILLED:
        runs = standing.drill is DrillState.RUNNING
        return "its test failover is open already" if runs else "it has no open test failover"
    return f"it is {standing.state}"


def _why_not(standing: MemberSituation) -> str:
    name = standing.machine.name
    if standing.state is None:
        return f"{name} is not protected any more"
    return f"{name} is {lifecycle.standing(standing.state, standing.drill)}"


def _refusal(plan: RecoveryPlan, wanted: RunRequest, refused: Sequence[str]) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"Plan '{plan.name}' cannot be run for {wanted.verb} now: {listed(refused)}.",
        do="Bring these machines to where it is possible, or leave each of them out: --leave-out MACHINE.",
    )


def _direction(plan: RecoveryPlan, wanted: RunRequest, found: _Selection) -> Direction:
    ways = {each.direction for each in found.possible}
    if wanted.direction is None and len(ways) > 1:
        raise errors.NotPossibleNow(
            f"The machines of plan '{plan.name}' would go different ways: {_ways(found.possible)}.",
            do="Choose a direction: --direction away or --direction home. The others are left out then.",
        )
    direction = wanted.direction or next(iter(ways), None)
    if direction is None or direction not in ways:
        why = [*found.left_out, *map(_goes_elsewhere, found.possible)]
        raise errors.NotPossibleNow(
            f"Plan '{plan.name}' has no machine to take for {wanted.verb}: {listed(why)}.",
            do=f"See 'secondsite plan show {shell.arguments(plan.name)}'.",
        )
    return direction


def _ways(possible: Iterable[MemberSituation]) -> str:
    said: dict[Direction, list[str]] = {}
    for each in possible:
        said.setdefault(each.direction, []).append(each.machine.name)
    return "; ".join(f"{way}: {listed(names, ', ')}" for way, names in sorted(said.items()))


def _goes_elsewhere(standing: MemberSituation) -> str:
    return f"{standing.machine.name}: it would go {standing.direction}"


def _groups(
    plan: RecoveryPlan, verb: Verb, direction: Direction, going: Iterable[str]
) -> Iterable[SelectedGroup]:
    """A group without machines is left out, with its actions."""
    members, is_meant = frozenset(going), _meant(verb, direction)
    for number, group in enumerate(plan.groups, start=1):
        machines = tuple(each for each in group.machines if each.id in members)
        if machines:
            yield replace(_with_actions(group, is_meant), number=number, machines=machines)


def _with_actions(group: PlanGroup, is_meant: Callable[[Action], bool]) -> SelectedGroup:
    return SelectedGroup(0, (), tuple(filter(is_meant, group.before)), tuple(filter(is_meant, group.after)))


def meant_after(group: PlanGroup, verb: Verb, direction: Direction) -> tuple[Action, ...]:
    """The actions after the group in such a run."""
    return tuple(filter(_meant(verb, direction), group.after))


def _meant(verb: Verb, direction: Direction) -> Callable[[Action], bool]:
    kind = KINDS.get(verb)
    return lambda action: kind in action.kinds and direction in action.directions


def listed(said: Sequence[str], between: str = "; ") -> str:
    """The first of the texts, and the number of the others."""
    more = len(said) - NAMED
    return between.join(said[:NAMED]) + (f" and {more} more" if more > 0 else "")
