"""From the operator's choice to one recovery point."""

from collections.abc import Mapping
from typing import Any

from ...domain import errors, points
from ...domain.points import RecoveryPoint, RecoveryPointChoice
from ...wire.orders import Points
from .. import ports
from . import common_sets
from .ordering import Answer


def choice_for(
    tx: ports.Transaction, machine: ports.MachineRecord, choice: RecoveryPointChoice, point: str | None
) -> dict[str, Any]:
    """The choice as job arguments, with the set that a multi-VM choice means for this machine's group now."""
    return {**choice_arguments(choice, point), "set_id": common_sets.chosen_set(tx, machine, choice)}


def choice_arguments(choice: RecoveryPointChoice, point: str | None) -> dict[str, Any]:
    """The choice as job arguments; a named point means CUSTOM."""
    if point and choice not in (RecoveryPointChoice.CUSTOM, RecoveryPointChoice.LATEST):
        raise errors.InvalidArgument(
            f"Both a point ('{point}') and the choice '{choice}' were given.",
            do="Give one of --point and --choice.",
        )
    if choice is RecoveryPointChoice.CUSTOM and not point:
        raise errors.InvalidArgument(
            "The choice 'custom' needs a recovery point.",
            do="Add --point ID; see 'secondsite point list MACHINE'.",
        )
    chosen = RecoveryPointChoice.CUSTOM if point else choice
    return {"choice": chosen.value, "point": point}


def choice_of(arguments: Mapping[str, Any]) -> RecoveryPointChoice:
    return RecoveryPointChoice(arguments["choice"])


def chosen_point(arguments: Mapping[str, Any], answer: Answer) -> RecoveryPoint:
    """The point among those that the target reported; raises NotFound."""
    known = [point.to_domain() for point in Points.model_validate(answer.facts).points]
    return points.pick(known, choice_of(arguments), arguments.get("point"), arguments.get("set_id"))


def refuse_custom_for_many(choice: RecoveryPointChoice, point: str | None, machines: tuple[str, ...]) -> None:
    """A named point belongs to one machine (document 000: custom is not available for plans)."""
    if len(machines) > 1 and (point or choice is RecoveryPointChoice.CUSTOM):
        raise errors.InvalidArgument(
            "A named recovery point is for one machine only.",
            do="Start the verb for one machine, or use --choice.",
        )
