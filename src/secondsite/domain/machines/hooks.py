"""Hooks of a machine: scripts that run whenever it was started or is about to be stopped, whichever verb
moves it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from ..lifecycle import State, Verb
from ..plans.directions import Direction, FailoverKind


class HookMoment(StrEnum):
    """When a hook runs."""

    AFTER_START = "after_start"
    """After the machine was started, at the site where it was started."""
    BEFORE_STOP = "before_stop"
    """Before it is shut down or removed, at the site where it runs."""


class Side(StrEnum):
    """One of the machine's two sites."""

    SOURCE = "source"
    TARGET = "target"


class Hook(Protocol):
    """The fields that decide when a hook runs."""

    @property
    def moment(self) -> HookMoment: ...
    @property
    def kinds(self) -> tuple[FailoverKind, ...]: ...
    @property
    def directions(self) -> tuple[Direction, ...]: ...


H = TypeVar("H", bound=Hook)


@dataclass(frozen=True, slots=True)
class Occasion:
    """The failover that a machine is part of. A cancel goes the other way, back to where the machine was."""

    verb: Verb
    kind: FailoverKind
    direction: Direction


AFTER_START = {
    Verb.TEST_FAILOVER: Side.TARGET,
    Verb.FAILOVER: Side.TARGET,
    Verb.PLANNED_FAILOVER: Side.TARGET,
    Verb.CHANGE_RECOVERY_POINT: Side.TARGET,
    Verb.CANCEL_FAILOVER: Side.SOURCE,
}
"""Verbs that start a machine, and the site at which they do."""
BEFORE_STOP = {
    Verb.TEST_FAILOVER: Side.TARGET,
    Verb.CLEANUP_TEST_FAILOVER: Side.TARGET,
    Verb.PLANNED_FAILOVER: Side.SOURCE,
    Verb.CANCEL_FAILOVER: Side.TARGET,
}
"""Verbs that take a machine from where it runs, and that site. An unplanned failover asks nothing of the site
in trouble; a change of the recovery point stops the machine only to start it there again. A test failover
counts if it cleans up by itself, or is undone."""
VERBS = frozenset({*AFTER_START, *BEFORE_STOP})
MOVED = (FailoverKind.PLANNED, FailoverKind.UNPLANNED)
KINDS: Mapping[Verb, tuple[FailoverKind, ...]] = {
    Verb.TEST_FAILOVER: (FailoverKind.TEST,),
    Verb.CLEANUP_TEST_FAILOVER: (FailoverKind.TEST,),
    Verb.FAILOVER: (FailoverKind.UNPLANNED,),
    Verb.PLANNED_FAILOVER: (FailoverKind.PLANNED,),
    Verb.CHANGE_RECOVERY_POINT: MOVED,
    Verb.CANCEL_FAILOVER: MOVED,
}
"""The kinds of failover that a verb may be part of."""
UNPLANNED = frozenset(
    {State.FAILING_OVER, State.FAILOVER_FAILED, State.FAILED_OVER, State.CHANGING_RECOVERY_POINT}
)
"""Verbs and states in which the failover that is cancelled, or whose point is changed, was an unplanned
one."""


def side(moment: HookMoment, verb: Verb) -> Side:
    return (AFTER_START if moment is HookMoment.AFTER_START else BEFORE_STOP)[verb]


def occasion(verb: Verb, state: State, came_from: State | None, *, reversed_: bool) -> Occasion:
    """The occasion of a verb. `state`: the machine's when the verb is started; for a cancel that failed
    before, `came_from` is its state before that."""
    return Occasion(verb, _kind(verb, state, came_from), _way(verb, reversed_=reversed_))


def meant(hooks: Iterable[H], at: Occasion) -> tuple[H, ...]:
    """The hooks that run on that occasion, in their order."""
    moments = {
        HookMoment.AFTER_START: at.verb in AFTER_START,
        HookMoment.BEFORE_STOP: at.verb in BEFORE_STOP,
    }
    return tuple(
        each
        for each in hooks
        if moments[each.moment] and at.kind in each.kinds and at.direction in each.directions
    )


def places(hook: Hook) -> frozenset[Direction]:
    """Where the hook can ever run: away, at home, or both."""
    sides = AFTER_START if hook.moment is HookMoment.AFTER_START else BEFORE_STOP
    return frozenset(
        Direction.HOME if (at is Side.TARGET) is reversed_ else Direction.AWAY
        for verb, at in sides.items()
        for reversed_ in (False, True)
        for kind in KINDS[verb]
        if meant((hook,), Occasion(verb, kind, _way(verb, reversed_=reversed_)))
    )


def _way(verb: Verb, *, reversed_: bool) -> Direction:
    goes_home = reversed_ is not (verb is Verb.CANCEL_FAILOVER)
    return Direction.HOME if goes_home else Direction.AWAY


def _kind(verb: Verb, state: State, came_from: State | None) -> FailoverKind:
    if len(KINDS[verb]) == 1:
        return KINDS[verb][0]
    known = came_from if state is State.CANCEL_FAILED else state
    return FailoverKind.UNPLANNED if known in UNPLANNED else FailoverKind.PLANNED
