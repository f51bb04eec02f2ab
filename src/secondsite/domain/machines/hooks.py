"""Hooks of a machine: scripts that run whenever it has been started, or is about to be stopped, whoever
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
    """The machine was started; where it starts."""
    BEFORE_STOP = "before_stop"
    """It is about to be shut down or removed; where it runs."""


class Side(StrEnum):
    """At which of the machine's two sites."""

    SOURCE = "source"
    TARGET = "target"


class Hook(Protocol):
    """What has to be known of one."""

    @property
    def moment(self) -> HookMoment: ...
    @property
    def kinds(self) -> tuple[FailoverKind, ...]: ...
    @property
    def directions(self) -> tuple[Direction, ...]: ...


H = TypeVar("H", bound=Hook)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a machine is moved by: a cancel goes the other way, back to where the machine was."""

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
"""Verbs that start a machine, and where."""
BEFORE_STOP = {
    Verb.TEST_FAILOVER: Side.TARGET,
    Verb.CLEANUP_TEST_FAILOVER: Side.TARGET,
    Verb.PLANNED_FAILOVER: Side.SOURCE,
    Verb.CANCEL_FAILOVER: Side.TARGET,
}
"""Verbs that take a machine from where it runs, and where that is. A failover in need asks nothing of the
site in trouble; a change of the recovery point stops the machine only to start it there again. A test
failover does if it cleans up by itself, or is undone."""
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
"""Which kinds of failover a verb may be part of."""
UNPLANNED = frozenset(
    {State.FAILING_OVER, State.FAILOVER_FAILED, State.FAILED_OVER, State.CHANGING_RECOVERY_POINT}
)
"""The failover that is cancelled, or whose point is changed, was one in need."""


def side(moment: HookMoment, verb: Verb) -> Side:
    return (AFTER_START if moment is HookMoment.AFTER_START else BEFORE_STOP)[verb]


def occasion(verb: Verb, state: State, came_from: State | None, *, reversed_: bool) -> Occasion:
    """`state`: in which the machine is when the verb is asked for; of a cancel that failed, `came_from`
    says what it was before."""
    return Occasion(verb, _kind(verb, state, came_from), _way(verb, reversed_=reversed_))


def meant(hooks: Iterable[H], at: Occasion) -> tuple[H, ...]:
    """Those of a machine that run then, in their order."""
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
    """Where it may ever run: at the site that a machine goes away to, at home, or at both."""
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
