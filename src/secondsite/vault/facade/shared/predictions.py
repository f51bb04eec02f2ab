"""Predictions and timings as REST shapes."""

from collections.abc import Mapping, Sequence

from ....domain import shell
from ....domain.lifecycle import Verb
from ....domain.prediction import predicting
from ....domain.prediction.predicting import Basis
from ....domain.prediction.timing import Part
from ....wire.rest.predictions import PlanPrediction, PredictedPart, Prediction, RunTiming
from ...store import RunTimeRecord

DRILL = (
    "No run of it in this direction is known: start 'secondsite machine test-failover {0}', which "
    "measures it."
)
OTHERS = "These are other machines' runs. A drill measures its own: 'secondsite machine test-failover {0}'."
MOVED_NONE = (
    "No planned failover of it in this direction is known, and a drill does not shut it down: the first one "
    "measures it."
)
MOVED_OTHERS = "These are other machines' planned failovers: the first one of its own measures it."


def of_machine(name: str, verb: Verb, found: predicting.Prediction) -> Prediction:
    return Prediction(
        machine=name,
        verb=verb,
        basis=found.basis,
        runs=found.runs,
        seconds=rounded(found.seconds),
        least_seconds=rounded(found.least),
        most_seconds=rounded(found.most),
        downtime_seconds=rounded(found.downtime),
        parts=parts(found.parts or {}),
        advice=_advice(name, verb, found.basis),
    )


def of_plan(
    groups: Sequence[Sequence[predicting.Prediction]], people: int = 0, scripts: int = 0
) -> PlanPrediction:
    found = predicting.of_groups(groups)
    return PlanPrediction(
        seconds=rounded(found.seconds),
        most_seconds=rounded(found.most),
        unknown_machines=found.unknown,
        people=people,
        scripts=scripts,
    )


def of_run(took: RunTimeRecord | None) -> RunTiming | None:
    if took is None:
        return None
    return RunTiming(
        seconds=round(sum(took.parts.values()), 1),
        predicted_seconds=rounded(took.predicted),
        downtime_seconds=rounded(took.downtime),
        parts=parts(took.parts),
    )


def parts(found: Mapping[Part, float]) -> tuple[PredictedPart, ...]:
    return tuple(PredictedPart(part=each, seconds=round(found[each], 1)) for each in Part if each in found)


def _advice(name: str, verb: Verb, basis: Basis) -> str | None:
    moves = verb is Verb.PLANNED_FAILOVER
    if basis is Basis.NOTHING:
        return MOVED_NONE if moves else DRILL.format(shell.arguments(name))
    if basis is Basis.OTHERS:
        return MOVED_OTHERS if moves else OTHERS.format(shell.arguments(name))
    return None


def rounded(seconds: float | None) -> float | None:
    """Rounded to tenths of a second: no prediction is more precise."""
    return None if seconds is None else round(seconds, 1)
