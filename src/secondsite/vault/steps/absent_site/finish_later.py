"""A job that does what a verb left undone at a site that was away, once the site returns.

The job waits for the site. It acts while the machine is in the state that the verb led to, in the same
direction: a verb that only looked, or asked for a comparison, does not change that. While another job moves
the machine it waits. Its order carries the machine's number of that moment. An old copy at an appliance that
the machine has left for another one is removed whatever verbs came since. What was left at one site is done
in the order in which it was left. What a job left that has failed since is not done, unless a retry of it
succeeds: a failed cancel has started no other copy.
"""

import itertools
from collections.abc import Mapping
from typing import TypeVar

from pydantic import JsonValue

from ....domain import errors, lifecycle
from ....domain.lifecycle import State
from ....ground.job_states import MOVING, JobState
from ....ground.units import DAY
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Outcome, Skipped, Wait
from ....jobs.model.views import JobView
from ....jobs.storage import read, search
from ....jobs.storage.database import Session
from ....wire.common.base import Shape
from ....wire.control.orders import ORDERS, Kind, OrderKind
from ...store import MachineRecord, Transaction
from ..authority import SHORT
from ..deps import Deps
from ..retry_store import retrying
from ..sides.orders import Answer, Limits, Orders
from ..sides.side import Side

FINISH_LATER = "finish_later"
EARLIER_SECONDS, AWAY_SECONDS = 2.0, 20.0
"""How often a job looks whether the one before it has ended, and while their appliance is away."""
_NOT_DONE = MOVING | {JobState.FAILED}
LONGEST = Limits(deadline_seconds=30 * DAY, reach_seconds=30 * DAY)

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


class LaterArguments(Shape):
    """The order that was not given, and `why` as a clause after 'when it returns,'. `epoch` and `leads_to`
    are those of the machine after the verb; an older vault did not record them. `undoes`: it undoes a job
    whose retry has a higher number, so it keeps the number that it has."""

    appliance_id: str
    site: str
    kind: Kind
    payload: Mapping[str, JsonValue]
    generation: int | None
    why: str
    epoch: int | None = None
    leads_to: State | None = None
    drill_generation: int | None = None
    undoes: bool = False
    left_by: str | None = None
    """The id of the job that left it; an older vault did not record it."""
    outdated: bool = False
    """The machine was protected back to another appliance: the copy at this one is an old one for good,
    unless the machine comes back to it."""
    of_machine: bool = True
    """Whether the order names the machine; else it is the order of a run that took the machine there."""


def submit(
    deps: Deps,
    session: Session,
    side: Side,
    order: OrderKind[P, F],
    payload: P,
    why: str,
    undoes: bool = False,
    outdated: bool = False,
) -> str:
    """Queue the job in the caller's transaction; gives its id."""
    arguments = LaterArguments(
        appliance_id=side.appliance_id,
        site=side.site,
        kind=order.kind,
        payload=payload.model_dump(mode="json"),
        generation=side.generation,
        why=why,
        epoch=side.machine.epoch,
        leads_to=_leads_to(side.machine, undoes),
        drill_generation=side.drill_generation,
        undoes=undoes,
        left_by=side.job_id,
        outdated=outdated,
    )
    return queue(deps, session, arguments, side.machine.id, side.machine.name)


def queue(deps: Deps, session: Session, left: LaterArguments, machine_id: str, name: str) -> str:
    """Queue the job for given arguments; gives its id."""
    return deps.submit(
        session,
        FINISH_LATER,
        subject=machine_id,
        subject_name=name,
        arguments=left,
        requested_by="secondsite",
    )


def has_left(tx: Transaction, side: Side, order: OrderKind[P, F], payload: P) -> bool:
    """Whether a verb that succeeded left this order for the side, and it was not done since."""
    jobs = search.of_subject(tx.session, side.machine.id, FINISH_LATER)
    left = (LaterArguments.model_validate(job.arguments) for job in jobs if job.state in _NOT_DONE)
    there = (side.appliance_id, side.machine.epoch, order.kind, payload.model_dump(mode="json"))
    return any(
        (each.appliance_id, each.epoch, each.kind, each.payload) == there and _unfinished(tx, each) is None
        for each in left
    )


def waiting_for(tx: Transaction, appliance_id: str) -> list[JobView]:
    """The jobs that wait for this appliance."""
    found = search.oldest_first(tx.session, search.JobQuery(MOVING, verb=FINISH_LATER))
    return [job for job in found if LaterArguments.model_validate(job.arguments).appliance_id == appliance_id]


def definition(deps: Deps) -> Definition:
    """One step that waits for the site as long as it takes, at most 30 days."""
    give = Orders(deps)

    def finish(ctx: StepContext) -> Outcome:
        left = ctx.arguments(LaterArguments)
        with deps.store.reading() as tx:
            machine = tx.machines.find(str(ctx.subject))
            earlier, unfinished = _earlier(tx, ctx, left), _unfinished(tx, left)
        if earlier is not None:
            why = f"at site {left.site} another order comes first; then {left.why}"
            is_there = deps.gateway.is_connected(left.appliance_id)
            often = EARLIER_SECONDS if is_there else AWAY_SECONDS
            raise Wait(f"job/{earlier.id}", LONGEST.deadline_seconds, why, poll_seconds=often)
        if unfinished is not None:
            return _after(unfinished, machine, left)
        if machine is not None and _is_moved_by_another(machine, left):
            why = f"waiting for another job of {machine.name}; then, at site {left.site}, {left.why}"
            raise Wait(f"machine/{machine.id}", LONGEST.deadline_seconds, why)
        if machine is not None and _has_moved_on(machine, left):
            return Skipped(f"a later job has taken {machine.name}: nothing more is done at {left.site}")
        try:
            return order_of(ctx, machine, left).done()
        except errors.NotPossibleNow as problem:
            if left.kind is not Kind.HAND_OVER:
                raise
            return Skipped(f"nothing is handed over at {left.site}: {problem.message}")

    def order_of(ctx: StepContext, machine: MachineRecord | None, left: LaterArguments) -> Answer[Shape]:
        order = ORDERS[left.kind]
        return give.give(
            ctx,
            left.appliance_id,
            order,
            order.payload.model_validate(left.payload),
            machine_id=ctx.subject if left.of_machine else None,
            generation=_number(machine, left),
            drill_generation=left.drill_generation,
            limits=LONGEST,
            why=f"waiting for site {left.site}; when it returns, {left.why}",
        )

    return Definition(
        FINISH_LATER, (retrying(Step("finish", finish, title="Finish at the site that was away")),)
    )


def _earlier(tx: Transaction, ctx: StepContext, left: LaterArguments) -> JobView | None:
    """An earlier job that was left for the same appliance, and has not ended."""
    found = search.find(tx.session, search.JobQuery(MOVING, ctx.subject, FINISH_LATER))
    queue = sorted(found, key=lambda job: (job.created_at, job.id))
    before = itertools.takewhile(lambda job: job.id != ctx.job_id, queue)
    here = (
        job
        for job in before
        if LaterArguments.model_validate(job.arguments).appliance_id == left.appliance_id
    )
    return next(here, None)


DONE = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})


def _unfinished(tx: Transaction, left: LaterArguments) -> JobView | None:
    """The job that left the order, if it has not succeeded. An order that undoes a job is given however that
    job ended."""
    found = None if left.left_by is None or left.undoes else read.find(tx.session, left.left_by)
    return None if found is None or found.state in DONE else found


def _after(unfinished: JobView, machine: MachineRecord | None, left: LaterArguments) -> Outcome:
    """The outcome if that job failed for good; raises Wait while it goes on, or may be retried."""
    if not unfinished.state.ended or (machine is not None and _is_last(machine, left)):
        why = f"waiting for job {unfinished.id[:SHORT]} to succeed; then, at site {left.site}, {left.why}"
        raise Wait(f"job/{unfinished.id}", LONGEST.deadline_seconds, why, poll_seconds=EARLIER_SECONDS)
    return Skipped(f"job {unfinished.id[:SHORT]} did not succeed: nothing is done for it at {left.site}")


def _is_last(machine: MachineRecord, left: LaterArguments) -> bool:
    """Whether no later verb has taken the machine, or its drill."""
    if left.drill_generation is not None:
        return machine.drill_generation == left.drill_generation
    return left.generation is None or machine.generation == left.generation


def _leads_to(machine: MachineRecord, undoes: bool) -> State | None:
    if undoes and lifecycle.is_moving(machine.state):
        return lifecycle.MOVING[machine.state].on_failure
    return lifecycle.MOVING[machine.state].target if lifecycle.is_moving(machine.state) else None


def _is_moved_by_another(machine: MachineRecord, left: LaterArguments) -> bool:
    if left.outdated:  # a later copy at that appliance is not the one that was left there
        return lifecycle.is_moving(machine.state) and machine.coming_appliance_id == left.appliance_id
    later = left.generation is not None and machine.generation != left.generation
    return later and machine.epoch == left.epoch and lifecycle.is_moving(machine.state)


def _has_moved_on(machine: MachineRecord, left: LaterArguments) -> bool:
    if left.outdated:
        return left.appliance_id in (machine.source_appliance_id, machine.target_appliance_id)
    if _is_last(machine, left):
        return False
    return left.drill_generation is not None or (machine.epoch, machine.state) != (left.epoch, left.leads_to)


def _number(machine: MachineRecord | None, left: LaterArguments) -> int | None:
    """The number for the order. Drills have their own. After the end of protection several of these jobs may
    reach the site in any order."""
    if left.undoes:
        return left.generation
    return None if machine is None or left.generation is None else machine.generation
