"""From the operator's choice, or time, to one instant: a recovery point, maybe rolled forward by the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ....domain import errors, journal, points, shell
from ....domain.points import RecoveryPointChoice
from ....jobs.model.context import StepContext
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.common.points import PointShape, RolledForward
from ....wire.control.orders import Points
from ...store import MachineRecord, Transaction
from ..sides.orders import Answer
from ..sides.target import Target
from . import common_sets

ChoiceRequest = rest.TestFailover | rest.Failover | rest.ChangeRecoveryPoint


class ChoiceArguments(Shape):
    """The choice as a job is given it. CUSTOM comes with a `point` or a time `at` (UTC); a multi-VM choice, for a
    machine in a group, with the set that it meant when the job was submitted."""

    choice: RecoveryPointChoice
    point: str | None = None
    at: datetime | None = None
    set_id: str | None = None


class StartInstant(Shape):
    """What a machine is started from: a recovery point, with `forward` rolled forward."""

    point_id: str
    forward: RolledForward | None = None


class ChosenInstant(StartInstant):
    """The same with its time, as a task keeps it."""

    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """An instant that the machine can be started from; `what` names it, `said` is the target's sentence. `left`: a sentence about what is
    newer than it, and could not be processed because the store is full; empty if nothing is."""

    instant: ChosenInstant
    what: str
    said: str
    left: str = ""


def choice_for(tx: Transaction, machine: MachineRecord, request: ChoiceRequest) -> ChoiceArguments:
    """What the request means for this machine now. Raises InvalidArgument, NotFound."""
    default = type(request).model_fields["choice"].default
    if request.at is not None:
        if request.point or request.choice is not default:
            raise errors.InvalidArgument(
                "A time was given together with a point or a choice.",
                do="Give one of --at, --point and --choice.",
            )
        return ChoiceArguments(choice=RecoveryPointChoice.CUSTOM, at=request.at)
    _refuse_custom_for_many(request)
    _refuse_contradictions(request.choice, request.point, default)
    _refuse_unknown(tx, machine, request.point)
    return ChoiceArguments(
        choice=RecoveryPointChoice.CUSTOM if request.point else request.choice,
        point=request.point,
        set_id=common_sets.chosen_set(tx, machine, request.choice),
    )


def require_common(machines: Sequence[MachineRecord], request: Shape, what: str = "") -> None:
    """Raises InvalidArgument for a multi-VM choice if none of the machines is in a group."""
    choice = getattr(request, "choice", None)
    if choice is not None:
        is_grouped = any(machine.group for machine in machines)
        points.require_common(choice, is_grouped, what or _named(machines))


def _named(machines: Sequence[MachineRecord]) -> str:
    return machines[0].name if len(machines) == 1 else f"This list of {len(machines)}"


def choose(ctx: StepContext, target: Target, *, process: bool, committed_too: bool = False) -> Chosen:
    """What the job's choice means now, as the target knows it; raises NotFound. `process`: for LATEST, what was sent
    is processed and sealed first; where the store is full the newest point that is there is meant. `committed_too`: see `points.pick`."""
    wanted = ctx.arguments(ChoiceArguments)
    if wanted.at:
        return _at(target, wanted.at)
    latest = wanted.choice is RecoveryPointChoice.LATEST
    answer, left = _processed(target) if process and latest else (target.list_points(), "")
    point = _chosen_point(wanted, answer.facts, committed_too)
    instant = ChosenInstant(point_id=point.id, taken_at=point.taken_at)
    return Chosen(instant, f"point {point.id}", answer.sentence, left)


def _processed(target: Target) -> tuple[Answer[Points], str]:
    """What the replica holds once what was sent is processed. A full store keeps no machine from starting: what it cannot process is told,
    and the space that it keeps for starts is left to them."""
    try:
        return target.drain(), ""
    except errors.StoreFull as full:
        return target.list_points(), full.message


def _at(target: Target, at: datetime) -> Chosen:
    answer = target.find_instant(at)
    found = answer.facts
    return Chosen(
        ChosenInstant(point_id=found.point_id, forward=found.forward, taken_at=found.taken_at),
        answer.sentence,
        f"asked for {journal.spoken(at)}",
    )


def _chosen_point(wanted: ChoiceArguments, known: Points, committed_too: bool) -> PointShape:
    """The point among those that the target reported; raises NotFound."""
    return points.pick(known.points, wanted.choice, wanted.point, wanted.set_id, committed_too=committed_too)


def _refuse_contradictions(
    choice: RecoveryPointChoice, point: str | None, default: RecoveryPointChoice
) -> None:
    """A named point means CUSTOM, and CUSTOM a named point."""
    if point and choice not in (RecoveryPointChoice.CUSTOM, default):
        raise errors.InvalidArgument(
            f"Both a point ('{point}') and the choice '{choice}' were given.",
            do="Give one of --point and --choice.",
        )
    if choice is RecoveryPointChoice.CUSTOM and not point:
        raise errors.InvalidArgument(
            "The choice 'custom' needs a recovery point.",
            do="Add --point ID, or --at TIME; see 'secondsite point list MACHINE'.",
        )


def _refuse_unknown(tx: Transaction, machine: MachineRecord, point: str | None) -> None:
    """A mistyped one would be a job that fails. Raises NotFound; of a machine whose points nobody has told yet its target knows them."""
    replica = tx.statuses.get(machine.id).replica
    known = replica.points if replica is not None else ()
    if point and known and point not in {each.id for each in known}:
        raise errors.NotFound(
            f"{machine.name} has no recovery point '{point}'.",
            do=f"List them with 'secondsite point list {shell.arguments(machine.name)}'.",
        )


def _refuse_custom_for_many(request: ChoiceRequest) -> None:
    """A named point belongs to one machine (S-070)."""
    if len(request.machines) > 1 and (request.point or request.choice is RecoveryPointChoice.CUSTOM):
        raise errors.InvalidArgument(
            "A named recovery point is for one machine only.",
            do="Start the verb for one machine, or use --choice or --at.",
        )
