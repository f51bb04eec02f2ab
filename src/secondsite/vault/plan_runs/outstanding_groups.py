"""What runs that stopped have left to do after groups whose machines have all arrived (S-152).

A new run takes the machines that have not arrived. Without this nobody would move the traffic to a group that
had arrived when its script failed. Runs are found by the machines that they took: groups may be moved within
a plan, and their names are not unique.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

from ...domain.lifecycle import Verb
from ...domain.plans import run_selection
from ...domain.plans.actions import Action
from ...domain.plans.plan import PlanGroup, RecoveryPlan
from ...domain.plans.run_selection import MemberSituation, RunRequest, RunSelection, SelectedGroup
from ...jobs.model.views import JobView, current_steps
from ...jobs.storage import read, search
from ..store import Transaction
from . import one_run_at_a_time
from .arguments import PLAN_RUN, PlanRunArguments, RunAction, RunGroup

LEFT_BY = frozenset({Verb.FAILOVER, Verb.PLANNED_FAILOVER})
"""The verbs whose runs leave something. A drill that stops is cleaned up, and other verbs have nothing after
groups."""
STAY = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER, Verb.COMMIT, Verb.CHANGE_RECOVERY_POINT})
"""Verbs after which machines are where they were."""
BY: tuple[Callable[[Action | RunAction], Hashable], ...] = (
    lambda action: (action.name, action.instruction, action.script, action.guest),
    lambda action: action.name,
)
"""How an action is recognized in the present plan; one whose text or script was corrected still has its
name."""


def with_outstanding(
    tx: Transaction,
    plan: RecoveryPlan,
    now: Mapping[str, MemberSituation],
    wanted: RunRequest,
    found: RunSelection,
) -> RunSelection:
    """The selection, with what is left to do after groups that are no longer taken."""
    if wanted.verb not in LEFT_BY:
        return found
    taken = {group.number for group in found.groups}
    arrived = run_selection.arrived(plan, now, wanted, found.direction)
    there = [number for number in arrived if number not in taken]
    known = [*found.groups, *_left(tx, plan, wanted.verb, found, there)]
    return replace(found, groups=tuple(sorted(known, key=lambda group: group.number)))


def _left(
    tx: Transaction, plan: RecoveryPlan, verb: Verb, found: RunSelection, there: Sequence[int]
) -> Iterator[SelectedGroup]:
    runs = _runs(tx, plan) if there else []
    for number in there:
        group = plan.groups[number - 1]
        last = _last_that_moved(runs, group)
        if last is not None and (last[1].verb, last[1].direction) == (verb, found.direction):
            left = _not_done(tx, *last, group)
            after = _as_they_are_now(run_selection.meant_after(group, verb, found.direction), left)
            if after:
                yield SelectedGroup(number, (), after=after, arrived=group.machines)


def _runs(tx: Transaction, plan: RecoveryPlan) -> list[tuple[JobView, PlanRunArguments]]:
    """The runs after which machines are somewhere else, newest first."""
    jobs = search.of_subject(tx.session, one_run_at_a_time.subject_of(plan.name), PLAN_RUN)
    read_now = ((job, PlanRunArguments.model_validate(job.arguments)) for job in jobs)
    return [(job, run) for job, run in read_now if run.verb not in STAY]


def _last_that_moved(
    runs: Sequence[tuple[JobView, PlanRunArguments]], group: PlanGroup
) -> tuple[JobView, PlanRunArguments] | None:
    return next(((job, run) for job, run in runs if any(_has(each, group) for each in run.groups)), None)


def _has(ran: RunGroup, group: PlanGroup) -> bool:
    ids = {*ran.arrived, *(each.machine_id for each in ran.children)}
    return any(machine.id in ids for machine in group.machines)


def _not_done(tx: Transaction, job: JobView, run: PlanRunArguments, group: PlanGroup) -> list[RunAction]:
    """The actions after the machines of the group that were not done, in their order."""
    done = {each.key for each in current_steps(read.tasks_of(tx.session, job.id)) if each.done}
    return [
        action
        for ran in run.groups
        if _has(ran, group)
        for number, action in enumerate(ran.after, start=1)
        if f"g{ran.number}/after/{number}" not in done
    ]


def _as_they_are_now(meant: Sequence[Action], left: Sequence[RunAction]) -> tuple[Action, ...]:
    """The present form of the actions, matched from the end: of two equal ones the first was done first."""
    found: set[int] = set()
    unmatched = list(left)
    for known_by in BY:
        for place in reversed(range(len(meant))):
            alike = [each for each in unmatched if known_by(each) == known_by(meant[place])]
            if alike and place not in found:
                found.add(place)
                unmatched.remove(alike[-1])
    return tuple(meant[place] for place in sorted(found))
