"""Drain a host: of the replicas that lie there, other hosts take over those whose store they reach, some at a
time. What runs there stays, and so does what no other host reaches: the job names both.

It is no verb of the lifecycle: each machine's move is. The end of the drain cancels it between two portions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ...domain import lifecycle
from ...domain.lifecycle import RUNS_AT_TARGET_AT_REST, DrillState, Verb
from ...domain.plans.run_selection import listed
from ...ground.job_states import MOVING
from ...ground.plural import counted
from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Children, Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome
from ...jobs.running.children import GOOD
from ...jobs.storage import read, search
from ...wire.common.base import Shape
from ...wire.rest import verbs
from ...wire.rest.jobs import OtherJobKind
from ..steps import batch
from ..steps.batch import BatchChild
from ..steps.deps import Deps
from ..steps.operation import MachineOperation
from ..steps.retry_store import retrying
from ..steps.sides import replica_hosts
from ..store import ApplianceRecord, MachineRecord, Transaction

DRAIN = OtherJobKind.DRAIN_HOST.value
AT_ONCE = 8
"""How many replicas are moved at the same time."""
TOLD = 5
"""How many failed moves the outcome tells of."""
HERE = "run there, and stay: {}"
OVER = "run there after a failover, and stay: {}"
DRILLED = "have an open test failover there: {}"
BUSY = "have a job, or no replica that could be moved yet: {}"
ALONE = "lie in a store that no other appliance of the site reaches: {}"


class DrainArguments(Shape):
    """The moves, and in sentences what stays."""

    children: tuple[BatchChild, ...] = ()
    stays: tuple[str, ...] = ()
    at_once: int = AT_ONCE


@dataclass(frozen=True, slots=True)
class Drained:
    """The job that moves replicas away, None if there is none to move; in sentences what stays there."""

    job_id: str | None
    stays: tuple[str, ...]


def submit(
    deps: Deps, move: MachineOperation, tx: Transaction, at: ApplianceRecord, requested_by: str
) -> Drained:
    """Submit the job for what lies there now, which each time does `move`; one that moves already is not
    doubled."""
    moving, stays = _divided(tx, at)
    job_id = under_way(tx, at.id)
    if job_id is None and moving:
        children = move.children(tx, moving, verbs.MoveReplica(machines=(moving[0].id,)))
        arguments = DrainArguments(children=children, stays=stays)
        job_id = deps.submit(
            tx.session,
            DRAIN,
            subject=at.id,
            subject_name=at.name,
            arguments=arguments,
            requested_by=requested_by,
        )
    return Drained(job_id, stays)


def under_way(tx: Transaction, appliance_id: str) -> str | None:
    """The job that drains the host now."""
    jobs = search.of_subject(tx.session, appliance_id, DRAIN)
    return next((each.id for each in jobs if each.state in MOVING), None)


def _divided(tx: Transaction, at: ApplianceRecord) -> tuple[Sequence[MachineRecord], tuple[str, ...]]:
    """The machines whose replicas can go, and what is said of the others."""
    moving: list[MachineRecord] = []
    staying: dict[str, list[str]] = {}
    for each in tx.machines.list(at.site):
        why = _why_it_stays(tx, at, each)
        if why is not None:
            staying.setdefault(why, []).append(each.name)
        elif each.target_appliance_id == at.id:
            moving.append(each)
    return moving, tuple(why.format(listed(sorted(names), ", ")) for why, names in sorted(staying.items()))


def _why_it_stays(tx: Transaction, at: ApplianceRecord, machine: MachineRecord) -> str | None:
    """None for one that can go, or is not there."""
    if machine.source_appliance_id == at.id:
        return HERE
    if machine.target_appliance_id != at.id:
        return None
    if machine.state in RUNS_AT_TARGET_AT_REST:
        return OVER
    if machine.drill_state is not DrillState.NONE:
        return DRILLED
    if Verb.MOVE_REPLICA not in lifecycle.allowed_operations(machine.state, machine.drill_state):
        return BUSY
    return None if replica_hosts.is_reached(tx, machine) else ALONE


def definition() -> Definition:
    """The definition of the job."""
    return Definition(DRAIN, children=Children.SOME, steps_of=_steps)


def _steps(arguments: Json) -> Sequence[Step]:
    asked = DrainArguments.model_validate(arguments)
    several, count = asked.children, len(asked.children)
    portions = [several[at : at + asked.at_once] for at in range(0, count, asked.at_once)]
    return (
        Step("check", _check, title="Replicas there"),
        *(
            retrying(_moves(number, portion, f"{min(number * asked.at_once, count)} of {count}"))
            for number, portion in enumerate(portions, start=1)
        ),
        Step("outcome", _outcome, title="Outcome", cancelable=False),
    )


def _check(ctx: StepContext) -> Outcome:
    asked = ctx.arguments(DrainArguments)
    moving = f"{counted(len(asked.children), 'replica')} can be moved to other hosts"
    return Done("; ".join((moving, *asked.stays)))


def _moves(number: int, portion: Sequence[BatchChild], title: str) -> Step:
    return Step(
        f"moves/{number}",
        partial(_move, portion),
        title=f"Move replicas: {title}",
        cancelable=False,
        boundary=True,
        children=Children.SOME,
    )


def _move(portion: Sequence[BatchChild], ctx: StepContext) -> Outcome:
    return ctx.run_children(lambda: list(map(batch.as_job, portion)), deadline_seconds=DAY)


def _outcome(ctx: StepContext) -> Outcome:
    asked = ctx.arguments(DrainArguments)
    with ctx.session() as session:
        moves = read.children_of(session, ctx.job_id)
    failed = [each for each in moves if each.state not in GOOD]
    why = [
        f"{each.subject_name} was not moved: {each.error.message.rstrip('.') if each.error else each.state}"
        for each in failed[:TOLD]
    ]
    more = [f"{len(failed) - TOLD} more were not moved"] if len(failed) > TOLD else []
    done = f"{len(moves) - len(failed)} of {counted(len(moves), 'replica')} moved to other hosts"
    return Done("; ".join((done, *why, *more, *asked.stays)), partial=bool(failed))
