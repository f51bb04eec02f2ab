"""From the operator's choice, or time, to one instant: a recovery point, perhaps rolled forward by the
journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ....domain import errors, groups, journal, points, shell
from ....domain.lifecycle import State
from ....domain.points import APP_CHOICES, MULTI_VM_CHOICES, RecoveryPoint, RecoveryPointChoice
from ....jobs.model.context import StepContext
from ....jobs.storage import read
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.common.points import PointShape, RollForward
from ....wire.control.orders import Points
from ...store import MachineRecord, Transaction
from ..deps import Deps
from ..sides.orders import Answer
from ..sides.target import Target

ChoiceRequest = rest.TestFailover | rest.Failover | rest.ChangeRecoveryPoint


class ChoiceArguments(Shape):
    """The choice as a job is given it. CUSTOM comes with a `point` or a time `at` (UTC); a multi-VM choice,
    for a machine in a group, with the set that it meant when the job was submitted."""

    choice: RecoveryPointChoice
    point: str | None = None
    at: datetime | None = None
    set_id: str | None = None


class StartInstant(Shape):
    """What a machine is started from: a recovery point, rolled forward by `forward`."""

    point_id: str
    forward: RollForward | None = None


class ChosenInstant(StartInstant):
    """A start instant with its time, as a task keeps it."""

    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """The instant for the choice. `what` names it, `said` is the target's sentence. `left`: a sentence about
    what is newer, but could not be processed because the store is full; empty if nothing is."""

    instant: ChosenInstant
    what: str
    said: str
    left: str = ""


def choice_for(tx: Transaction, machine: MachineRecord, request: ChoiceRequest) -> ChoiceArguments:
    """The choice that the request means for this machine now. Raises InvalidArgument, NotFound."""
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
        set_id=chosen_set(tx, machine, request.choice),
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
    """The instant for the job's choice, as the target knows it now; raises NotFound. `process`: for LATEST,
    what was sent is processed and sealed first; if the store is full, the newest existing point is used.
    `committed_too`: see `points.pick`."""
    wanted = ctx.arguments(ChoiceArguments)
    if wanted.at:
        return _at(target, wanted.at)
    latest = wanted.choice is RecoveryPointChoice.LATEST
    answer, left = _processed(target) if process and latest else (target.list_points(), "")
    point = _chosen_point(wanted, answer.facts, committed_too)
    instant = ChosenInstant(point_id=point.id, taken_at=point.taken_at)
    return Chosen(instant, f"point {point.id}", answer.sentence, left)


def _processed(target: Target) -> tuple[Answer[Points], str]:
    """The points of the replica once what was sent is processed. A full store prevents no machine from
    starting: what it cannot process is reported, and the space that it keeps for starts is left for them."""
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
    """Raises InvalidArgument unless a point is named exactly with the choice CUSTOM."""
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
    """Raises NotFound for a mistyped point, which would only make the job fail; the points of a machine that
    nobody has reported yet are known only to its target."""
    replica = tx.statuses.get(machine.id).replica if point else None
    known = replica.points if replica is not None else ()
    if known and point not in {each.id for each in known}:
        raise errors.NotFound(
            f"{machine.name} has no recovery point '{point}'.",
            do=f"List them with 'secondsite point list {shell.arguments(machine.name)}'.",
        )


def _refuse_custom_for_many(request: ChoiceRequest) -> None:
    """Raises InvalidArgument: a point by its id belongs to one machine (S-070)."""
    if len(request.machines) > 1 and (request.point or request.choice is RecoveryPointChoice.CUSTOM):
        raise errors.InvalidArgument(
            "A named recovery point is for one machine only.",
            do="Start the verb for one machine, or use --choice or --at.",
        )


# The last points of a replication group's machines belong together once all of them are off (S-078). A
# plan's planned failover shuts all machines down before the first one starts, so what they hold then is one
# instant. The id is given out with the run; each machine's last point gets it only if, once that machine is
# off, none of the others has gone back: a machine that ran on may have sent the others something that is not
# in its point.


def shared_by(tx: Transaction, machines: Iterable[MachineRecord], now: datetime) -> Mapping[str, str]:
    """The id of the common point, by the id of each machine whose replication group is among `machines`
    with all its members."""
    taken = list(machines)
    ids = {each.id for each in taken}
    names = {each.group for each in taken if each.group is not None}
    whole = {name for name in names if ids.issuperset(each.id for each in tx.groups.members(name))}
    return {each.id: groups.set_id(each.group, now) for each in taken if each.group and each.group in whole}


def still_shared(deps: Deps, ctx: StepContext, set_id: str | None) -> str | None:
    """`set_id` if every member of the machine's group is still moving in the same run; asked once the machine
    is off."""
    if set_id is None:
        return None
    with deps.store.reading() as tx:
        machine = tx.machines.get(str(ctx.subject))
        members = tx.groups.members(machine.group) if machine.group else ()
        run = read.get(tx.session, ctx.job_id).parent_job_id
        together = bool(members) and all(_is_in(tx, each, run) for each in members)
    return set_id if together else None


def _is_in(tx: Transaction, member: MachineRecord, run: str | None) -> bool:
    """Whether the member's job belongs to the run, and the machine has not gone back."""
    job = read.find(tx.session, member.job_id) if member.job_id else None
    is_under_way = member.state is State.PLANNED_FAILING_OVER
    return is_under_way and job is not None and run is not None and job.parent_job_id == run


# Which set of common points the machines of a group start from. It is fixed when the verb is started, for all
# machines of the group: each machine's job then uses the same set, whatever new ones arrive meanwhile.


def chosen_set(tx: Transaction, machine: MachineRecord, choice: RecoveryPointChoice) -> str | None:
    """The newest set that every member of the machine's group has; None for other choices, and for a
    machine outside any group. Raises NotFound when the group has none."""
    if choice not in MULTI_VM_CHOICES or machine.group is None:
        return None
    found = newest_set(tx, machine.group, choice in APP_CHOICES)
    if found is None:
        kind = "app-consistent set" if choice in APP_CHOICES else "set"
        raise errors.NotFound(
            f"The machines of group '{machine.group}' share no {kind} of recovery points.",
            do=f"Look at 'secondsite group show {shell.arguments(machine.group)}', or use latest_processed.",
        )
    return found


def newest_set(tx: Transaction, group: str, app_consistent: bool = False) -> str | None:
    """The newest set that every member has, as far as the targets have reported; None when there is none."""
    members = {member.id: _points(tx, member.id) for member in tx.groups.members(group)}
    return groups.newest_set(members, app_consistent)


def _points(tx: Transaction, machine_id: str) -> list[RecoveryPoint]:
    replica = tx.statuses.get(machine_id).replica
    return [point.to_domain() for point in replica.points] if replica else []
