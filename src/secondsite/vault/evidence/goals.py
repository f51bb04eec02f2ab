"""How long a run took until what it recovered was of use, beside the goals for that."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ...domain.lifecycle import Verb
from ...domain.prediction.predicting import LIKE
from ...jobs.model.views import JobTree, JobView
from .. import ports
from ..plan_runs.arguments import PLAN_RUN, PlanRunArguments
from . import machines
from .steps import Told, verb_of

GOALS = frozenset(map(str, LIKE))
"""Verbs that are compared with a goal."""


def recovered(root: JobView, of_machines: Sequence[JobTree]) -> Mapping[str, ports.RecoveredRecord]:
    """Of each machine that the job started."""
    verb = verb_of(root)
    if verb not in GOALS or root.ended_at is None:
        return {}
    took = {str(each.job.subject): seconds(root, each) for each in of_machines if each.job.name == verb}
    return {
        machine_id: ports.RecoveredRecord(root.ended_at, Verb(verb), round(found, 1))
        for machine_id, found in took.items()
        if found is not None
    }


def seconds(root: JobView, of: JobTree) -> float | None:
    """From when the job was asked for until the machine was proven to run; where that was not seen, until it was started."""
    proven = machines.until(of, root, "prove") if machines.is_proven(of) else None
    return machines.until(of, root, "start") if proven is None else proven


def plan(root: JobView, of_machines: Sequence[JobTree]) -> JsonValue:
    """Of the run of a plan: how long it took until the last of its machines ran, and the plan's goal. None for other jobs."""
    if root.name != PLAN_RUN or verb_of(root) not in GOALS:
        return None
    run = PlanRunArguments.model_validate(root.arguments)
    wanted = {child.machine_id for group in run.groups for child in group.children}
    found = {str(each.job.subject): seconds(root, each) for each in of_machines if each.job.name == run.verb}
    known = [each for machine_id in wanted if (each := found.get(machine_id)) is not None]
    took = max(known) if len(known) == len(wanted) and known else None
    goal = run.rto_goal_seconds or None
    told: Told = {"name": run.plan, "rto_seconds": took, "rto_goal_seconds": goal}
    told["within_goal"] = None if goal is None else took is not None and took <= goal
    return told
