"""How long a verb will take for a machine."""

from ....domain import errors
from ....domain.lifecycle import Verb
from ....domain.prediction.predicting import LIKE
from ....wire.rest.predictions import Prediction
from ...steps import hooks
from ...steps.histories import Histories
from ..parts import Parts
from ..shared import predictions
from . import machines


class Predictions:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of_machine(self, machine: str, verb: Verb) -> Prediction:
        """The prediction from the machine's history, or from the nearest known runs. Raises NotFound, and
        InvalidArgument for a verb that is not predicted."""
        if verb not in LIKE:
            raise errors.InvalidArgument(
                f"No time is predicted for {verb}.", do=f"Give one of: {', '.join(LIKE)}."
            )
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            found = Histories.read(tx, [record], LIKE[verb]).predict(verb, record)
            policy = tx.policies.find(record.policy)
            runs = hooks.names(tx, record, verb)
        goal = policy.rto_goal_seconds or None if policy else None
        return predictions.of_machine(record.name, verb, found).model_copy(
            update={"goal_seconds": goal, "hooks": runs}
        )
