"""How long a verb will take until machines run, from the steps of their jobs."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ....domain import predictions
from ....domain.lifecycle import Verb
from ....domain.predictions import Took
from ....jobs.model.definitions import TURN_TO
from ....jobs.storage import search
from ....jobs.storage.search import StepTook
from ....wire.common.predictions import PredictedTime
from ... import ports

RUNS = "start"
"""With the end of this step the machine runs."""
GOES_DOWN = "shut_down"
MOVES = Verb.PLANNED_FAILOVER
"""Until its shutdown the machine runs; in other verbs it may have stopped long before."""


def predicted(tx: ports.Transaction, machine_ids: Sequence[str], verb: Verb) -> Mapping[str, PredictedTime]:
    """By machine; without those of which nothing is known, and empty for a verb that starts nothing."""
    if verb not in predictions.LIKE:
        return {}
    like = (verb, *predictions.LIKE[verb])
    steps = search.steps_took(tx.session, machine_ids, [each.value for each in like], predictions.NEWEST)
    history: dict[str, list[Took]] = {}
    for machine_id, took in _runs(steps):
        history.setdefault(machine_id, []).append(took)
    found = {each: predictions.predict(verb, runs) for each, runs in history.items()}
    return {each: _shape(one) for each, one in found.items() if one is not None}


def _runs(steps: Iterable[StepTook]) -> Iterator[tuple[str, Took]]:
    """How long a machine's job waited for the machines of other groups is no time of its own."""
    for _job_id, group in itertools.groupby(steps, key=lambda step: step.job_id):
        own = [step for step in group if not step.key.startswith(TURN_TO)]
        last = next((at for at, step in enumerate(own) if step.key == RUNS), None)
        if last is None:
            continue
        until = own[: last + 1]
        down = next((at for at, step in enumerate(until) if step.key == GOES_DOWN), None)
        verb = Verb(until[0].name)
        is_known = verb is MOVES and down is not None
        yield until[0].subject, Took(verb, _seconds(until), _seconds(until[down:]) if is_known else None)


def _seconds(steps: Iterable[StepTook]) -> float:
    return sum((step.ended_at - step.started_at).total_seconds() for step in steps)


def _shape(found: predictions.Prediction) -> PredictedTime:
    return PredictedTime(
        verb=found.verb,
        runs=found.runs,
        seconds=round(found.seconds, 3),
        least_seconds=round(found.least_seconds, 3),
        most_seconds=round(found.most_seconds, 3),
        down_seconds=None if found.down_seconds is None else round(found.down_seconds, 3),
    )
