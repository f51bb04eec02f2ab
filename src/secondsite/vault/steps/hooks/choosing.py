"""Which of a machine's hooks a verb runs. This is fixed when the verb is started: later changes of hooks do
not affect its job."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from ....domain.lifecycle import State, Verb
from ....domain.machines import hooks
from ....domain.plans.directions import Direction, FailoverKind
from ....jobs.model.facts import Json, to_json
from ....jobs.storage import search
from ....wire.common.base import Shape
from ....wire.common.hooks import MachineHook
from ...store import MachineRecord, Transaction
from ..batch import Unread

HOOKS = "hooks"
MOVED = {
    Verb.FAILOVER: State.FAILOVER_FAILED,
    Verb.PLANNED_FAILOVER: State.PLANNED_FAILED_OVER,
}
"""Verbs that a cancel undoes, and the states of the machine after them."""
Known = Mapping[str, Sequence[MachineHook]]
"""The hooks of machines, by machine id."""


class HookRuns(Shape):
    """The hooks that a job runs, among its arguments, with the kind of failover and the machine's
    direction."""

    kind: FailoverKind
    direction: Direction
    run: tuple[MachineHook, ...]


class HookArguments(Shape):
    """The part of a job's arguments about hooks."""

    hooks: HookRuns | None = None


def asked(arguments: Json) -> HookRuns | None:
    return HookArguments.model_validate(arguments).hooks if HOOKS in arguments else None


def _of_verb(
    tx: Transaction, machine: MachineRecord, verb: Verb, known: Known | None = None
) -> HookRuns | None:
    """The hooks for the machine's present state; None if none runs. `known`: the hooks of many machines, read
    at once."""
    if verb not in hooks.VERBS:
        return None
    own = tx.hooks.find(machine.id) if known is None else known.get(machine.id, ())
    comes_home = machine.is_away if verb is Verb.CANCEL_FAILOVER else machine.reversed
    at = hooks.occasion(verb, machine.state, _before_cancel(tx, machine), reversed_=comes_home)
    meant = hooks.meant(own, at)
    return HookRuns(kind=at.kind, direction=at.direction, run=meant) if meant else None


def _before_cancel(tx: Transaction, machine: MachineRecord) -> State | None:
    """The machine's state before a cancel that failed. After several failed cancels only the jobs of its
    failovers tell."""
    if not machine.state is machine.came_from is State.CANCEL_FAILED:
        return machine.came_from
    of_kinds = ((verb, search.of_subject(tx.session, machine.id, verb)) for verb in MOVED)
    last = max(((jobs[0].created_at, verb) for verb, jobs in of_kinds if jobs), default=None)
    return None if last is None else MOVED[last[1]]


def names(tx: Transaction, machine: MachineRecord, verb: Verb, known: Known | None = None) -> tuple[str, ...]:
    """Names of the hooks that would run if the verb were started now."""
    found = _of_verb(tx, machine, verb, known)
    return () if found is None else tuple(each.name for each in found.run)


def with_hooks(
    tx: Transaction,
    machine: MachineRecord,
    verb: Verb,
    arguments: BaseModel | None,
    known: Known | None = None,
) -> BaseModel | None:
    """The arguments of the machine's job, with its hooks."""
    found = _of_verb(tx, machine, verb, known)
    return arguments if found is None else Unread({**to_json(arguments), HOOKS: to_json(found)})
