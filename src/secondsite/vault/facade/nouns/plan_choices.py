"""The choices that a run of a plan has now, for all machines that it would take (S-072, S-076, S-078)."""

from collections.abc import Sequence

from ....domain import errors, verb_choices
from ....domain.plans.directions import Direction
from ....domain.points import RecoveryPointChoice
from ....wire import rest
from ....wire.rest.choices import PlanChoice, PlanChoiceMachine, PlanChoices
from ... import plan_runs
from ...store import MachineRecord, Transaction
from ..parts import Parts
from .machine_choices import Choices
from .plan_runs import asked_for, part_of
from .plans import existing


class RunChoices:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, name: str, query: rest.PlanPreviewQuery) -> PlanChoices:
        """The choices that every machine of the run has. Raises NotFound, InvalidArgument for a verb that
        starts from no point, and NotPossibleNow if the run is not possible."""
        verb_choices.of_plan(query.verb, is_grouped=False, comes_home=False)
        if query.data_sync is not None:
            raise errors.InvalidArgument(
                "Which points there are is known once the machines are synchronized.",
                do="Leave the data synchronization out.",
            )
        with self._parts.store.reading() as tx:
            record, _ = existing(self._parts, tx, name)
            taken = plan_runs.taken(tx, asked_for(record, query.verb, part_of(query)))
            ids = [machine.id for group in taken.groups for machine in group.machines]
            by_id = {each.id: each for each in tx.machines.several(ids)}
            going = [by_id[each] for each in ids]
            is_grouped = any(each.group is not None for each in going)
            possible = verb_choices.of_plan(query.verb, is_grouped, taken.direction is Direction.HOME)
            found = (self._of(tx, going, query, choice) for choice in possible)
            choices = tuple(each for each in found if each is not None)
        return PlanChoices(plan=name, verb=query.verb, direction=taken.direction, choices=choices)

    def _of(
        self,
        tx: Transaction,
        going: Sequence[MachineRecord],
        query: rest.PlanPreviewQuery,
        choice: RecoveryPointChoice,
    ) -> PlanChoice | None:
        shown = []
        for record in going:
            found = Choices(self._parts).of(tx, record, query.verb, choice)
            if found is None:
                return None
            shown.append(PlanChoiceMachine(name=record.name, **found.model_dump(exclude={"choice"})))
        loses = max((each.loses_seconds or 0.0 for each in shown), default=0.0)
        return PlanChoice(choice=choice, machines=tuple(shown), loses_seconds=loses)
