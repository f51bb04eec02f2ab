"""Shows predicted times, and what runs took."""

from ...domain.amounts import span
from ...domain.prediction.predicting import Basis
from ...ground.plural import counted
from ...wire.rest.predictions import PlanPrediction, PredictedPart, Prediction, RunTiming

STANDS_ON = {
    Basis.OWN: "by its last {0}",
    Basis.OWN_LIKE: "by its last {0}, drills and failovers being alike in this",
    Basis.OTHERS: "by {0} of other machines between the same sites",
}


def line(found: Prediction) -> str:
    """The prediction for one machine, as a line of a confirmation."""
    if found.seconds is None:
        return f"no time is predicted: {found.advice}"
    basis = STANDS_ON[found.basis].format(counted(found.runs, "run"))
    down = "" if found.downtime_seconds is None else f", down for {span(found.downtime_seconds)} of it"
    return (
        f"takes about {span(found.seconds)}{_between(found)}{down}, "
        f"{basis}{_parts(found.parts)}{_goal(found)}"
    )


def plan_line(found: PlanPrediction) -> str:
    """What a plan's run will take, and what is not in it."""
    without = [
        counted(number, what, many)
        for number, what, many in (
            (found.people, "action of people", "actions of people"),
            (found.scripts, "script", None),
            (found.unknown_machines, "machine without history", "machines without history"),
        )
        if number
    ]
    left_out = f"; not in it: {', '.join(without)}" if without else ""
    if found.seconds is None:
        return f"no time is predicted: no run is known of any machine{left_out}"
    return (
        f"takes about {span(found.seconds)}, {span(found.most_seconds)} if each is as slow as it ever "
        f"was{_goal(found)}{left_out}"
    )


def machine(seconds: float | None, downtime_seconds: float | None) -> str:
    """The end of a plan's line for one of its machines."""
    down = "" if downtime_seconds is None else f", down for {span(downtime_seconds)} of it"
    return "" if seconds is None else f"; takes about {span(seconds)}{down}"


def hooks(names: tuple[str, ...]) -> str:
    """The hooks that run for a machine, as a part of a sentence; empty if there are none."""
    return f"its hooks run too: {', '.join(names)}" if names else ""


def took(found: RunTiming) -> str:
    """What a run took, compared with what was predicted."""
    before = (
        "nothing was predicted"
        if found.predicted_seconds is None
        else f"{span(found.predicted_seconds)} were predicted"
    )
    down = "" if found.downtime_seconds is None else f"; downtime {span(found.downtime_seconds)}"
    return f"took {span(found.seconds)}, {before}{down}{_parts(found.parts)}"


def _goal(found: Prediction | PlanPrediction) -> str:
    if found.goal_seconds is None or found.seconds is None:
        return ""
    goal = span(found.goal_seconds)
    return (
        f"; within its goal of {goal}"
        if found.seconds <= found.goal_seconds
        else f"; its goal of {goal} will be missed"
    )


def _between(found: Prediction) -> str:
    if found.runs < 2:
        return ""
    return f" ({span(found.least_seconds)} to {span(found.most_seconds)})"


def _parts(parts: tuple[PredictedPart, ...]) -> str:
    told = ", ".join(f"{each.part.replace('_', ' ')} {span(each.seconds)}" for each in parts)
    return f" ({told})" if told else ""
