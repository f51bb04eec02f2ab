"""How long a run took until its machines were usable, compared with the goals for that."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import Verb
from ...domain.prediction.predicting import LIKE
from ...jobs.model.views import JobTree, JobView
from ...wire.common.evidence import Evidence
from ..plan_runs.arguments import PLAN_RUN, PlanRunArguments
from ..steps.drills.automatic_cleanup import verdict_of
from ..store import RecoveredRecord
from .steps import Told, verb_of

GOALS = frozenset(map(str, LIKE))
"""Verbs that are compared with a goal."""

Run = tuple[JobTree, Told]
"""The job of a machine, and what its evidence says."""


def recovered(root: JobView, runs: Sequence[Run]) -> Mapping[str, RecoveredRecord]:
    """The recovery of each machine that the job started."""
    verb = verb_of(root)
    if verb not in GOALS or root.ended_at is None:
        return {}
    return {
        machine_id: RecoveredRecord(root.ended_at, Verb(verb), round(found, 1))
        for machine_id, found in _seconds(runs, verb).items()
    }


def plan(root: JobView, runs: Sequence[Run]) -> JsonValue:
    """For the run of a plan: how long it took until the last of its machines ran, in seconds, and the plan's
    goal. None for other jobs."""
    if root.name != PLAN_RUN or verb_of(root) not in GOALS:
        return None
    run = PlanRunArguments.model_validate(root.arguments)
    wanted = {child.machine_id for group in run.groups for child in group.children}
    found = _seconds(runs, run.verb)
    took = max(found[each] for each in wanted) if wanted and wanted <= found.keys() else None
    goal = run.rto_goal_seconds or None
    told: Told = {"name": run.plan, "rto_seconds": took, "rto_goal_seconds": goal}
    told["within_goal"] = None if goal is None else took is not None and took <= goal
    return told


def _seconds(runs: Sequence[Run], verb: str) -> Mapping[str, float]:
    """By machine id, for each machine that was started: seconds from when the job was asked for until the
    machine was proven to run, or, if that was not seen, until it was started. One that was seen to be of no
    use has not recovered, however soon it was started."""
    of_verb = (told for of, told in runs if of.job.name == verb)
    return {str(told["id"]): found for told in of_verb if (found := _one(told)) is not None}


def _one(told: Told) -> float | None:
    if told["proof"] is not None and verdict_of(Evidence.model_validate(told["proof"])) is Verdict.FAILED:
        return None
    found = told["rto_started_seconds"] if told["rto_proven_seconds"] is None else told["rto_proven_seconds"]
    return found if isinstance(found, float) else None
