"""From the operator's choice, or time, to one instant: a recovery point, maybe rolled forward by the journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...domain import errors, journal, points
from ...domain.points import RecoveryPoint, RecoveryPointChoice
from ...jobs.context import StepContext
from ...jobs.outcomes import Wait
from ...wire import rest
from ...wire.orders import InstantFact, Points
from ...wire.replication import Forward
from .. import ports
from . import common_sets, targets
from .ordering import Answer, Orders

Choosing = rest.TestFailover | rest.Failover | rest.ChangeRecoveryPoint


@dataclass(frozen=True, slots=True)
class Chosen:
    """An instant that the machine can be started from; `what` names it, `said` is the target's sentence."""

    point_id: str
    taken_at: datetime
    what: str
    said: str
    forward: Forward | None = None

    def facts(self) -> dict[str, Any]:
        """As a task keeps it; `point_of` and `forward_of` read it again."""
        forward = self.forward.model_dump(mode="json") if self.forward else None
        return {"point_id": self.point_id, "taken_at": self.taken_at.isoformat(), "forward": forward}


def point_of(facts: Mapping[str, Any]) -> str:
    return str(facts["point_id"])


def forward_of(facts: Mapping[str, Any]) -> Forward | None:
    found = facts.get("forward")
    return Forward.model_validate(found) if found else None


def choice_for(tx: ports.Transaction, machine: ports.MachineRecord, request: Choosing) -> dict[str, Any]:
    """The choice as job arguments, with the set that a multi-VM choice means for this machine's group now. Raises
    InvalidArgument."""
    default = type(request).model_fields["choice"].default
    if request.at is not None:
        if request.point or request.choice is not default:
            raise errors.InvalidArgument(
                "A time was given together with a point or a choice.",
                do="Give one of --at, --point and --choice.",
            )
        return {"choice": RecoveryPointChoice.CUSTOM.value, "point": None, "at": request.at.isoformat()}
    _refuse_custom_for_many(request.choice, request.point, request.machines)
    chosen = _choice_arguments(request.choice, request.point, default)
    return {**chosen, "set_id": common_sets.chosen_set(tx, machine, request.choice)}


def _choice_arguments(
    choice: RecoveryPointChoice, point: str | None, default: RecoveryPointChoice
) -> dict[str, Any]:
    """The choice as job arguments; a named point means CUSTOM."""
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
    chosen = RecoveryPointChoice.CUSTOM if point else choice
    return {"choice": chosen.value, "point": point}


def choose(give: Orders, ctx: StepContext, machine: ports.MachineRecord, *, process: bool) -> Chosen | Wait:
    """What the job's arguments mean now, as the target knows it; raises NotFound. `process`: LATEST first has what was
    sent processed and sealed."""
    at = ctx.arguments.get("at")
    if at:
        return _at(give, ctx, machine, datetime.fromisoformat(at))
    latest = RecoveryPointChoice(ctx.arguments["choice"]) is RecoveryPointChoice.LATEST
    ask = targets.drain if process and latest else targets.list_points
    answer = ask(give, ctx, machine)
    if isinstance(answer, Wait):
        return answer
    point = _chosen_point(ctx.arguments, answer)
    return Chosen(point.id, point.taken_at, f"point {point.id}", answer.sentence)


def _at(give: Orders, ctx: StepContext, machine: ports.MachineRecord, at: datetime) -> Chosen | Wait:
    answer = targets.find_instant(give, ctx, machine, at)
    if isinstance(answer, Wait):
        return answer
    found = InstantFact.model_validate(answer.facts)
    return Chosen(
        found.point_id, found.taken_at, answer.sentence, f"asked for {journal.spoken(at)}", found.forward
    )


def _chosen_point(arguments: Mapping[str, Any], answer: Answer) -> RecoveryPoint:
    """The point among those that the target reported; raises NotFound."""
    known = [point.to_domain() for point in Points.model_validate(answer.facts).points]
    choice = RecoveryPointChoice(arguments["choice"])
    return points.pick(known, choice, arguments.get("point"), arguments.get("set_id"))


def _refuse_custom_for_many(
    choice: RecoveryPointChoice, point: str | None, machines: tuple[str, ...]
) -> None:
    """A named point belongs to one machine (document 000: custom is not available for plans)."""
    if len(machines) > 1 and (point or choice is RecoveryPointChoice.CUSTOM):
        raise errors.InvalidArgument(
            "A named recovery point is for one machine only.",
            do="Start the verb for one machine, or use --choice or --at.",
        )
