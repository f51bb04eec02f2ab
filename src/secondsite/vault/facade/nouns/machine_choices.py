"""The choices of a recovery point that a machine has now, each with the point it would pick and the loss
(S-071, S-076)."""

from collections.abc import Iterator

from ....domain import verb_choices
from ....domain.lifecycle import Verb
from ....domain.points import RecoveryPointChoice
from ....wire.rest.choices import RecoveryChoice, RecoveryChoices
from ...store import MachineRecord, Transaction
from ..parts import Parts
from . import machines
from .points import Points

Choice = RecoveryPointChoice


class Choices:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, machine: str, verb: Verb) -> RecoveryChoices:
        """Exactly the choices that are possible now. Raises NotFound, and InvalidArgument for a verb that
        starts from no point."""
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            possible = verb_choices.of_machine(verb, record.group is not None, record.reversed)
            found = tuple(self._found(tx, record, verb, possible))
        return RecoveryChoices(machine=record.name, verb=verb, choices=found)

    def _found(
        self,
        tx: Transaction,
        record: MachineRecord,
        verb: Verb,
        possible: tuple[RecoveryPointChoice, ...],
    ) -> Iterator[RecoveryChoice]:
        for choice in possible:
            shown = self.of(tx, record, verb, choice)
            if shown is not None:
                yield shown

    def of(
        self,
        tx: Transaction,
        record: MachineRecord,
        verb: Verb,
        choice: RecoveryPointChoice,
    ) -> RecoveryChoice | None:
        """What the choice would pick for the machine; None if there is no such point."""
        points = Points(self._parts)
        if choice is Choice.CUSTOM or (verb is Verb.PLANNED_FAILOVER and choice is Choice.LATEST):
            if points.previewed(tx, record, Choice.LATEST_PROCESSED).problem is not None:
                return None
            return RecoveryChoice(choice=choice, loses_seconds=None if choice is Choice.CUSTOM else 0.0)
        found = points.previewed(tx, record, choice)
        if found.point is None:
            return None
        return RecoveryChoice(
            choice=choice, point=found.point, taken_at=found.point.taken_at, loses_seconds=found.loses_seconds
        )
