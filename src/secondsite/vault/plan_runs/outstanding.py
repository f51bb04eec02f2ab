"""What a planned failover that stopped has left to do after groups whose machines have arrived (S-152).

A new run takes the machines that have not arrived. Without this nobody would move the traffic to a group that had arrived when its
script failed.
"""

from collections.abc import Iterator
from dataclasses import replace

from ...domain.lifecycle import Verb
from ...domain.plans import taking
from ...domain.plans.plan import RecoveryPlan
from ...domain.plans.taking import Taken, TakenGroup
from ...ground.job_states import JobState
from ...jobs.model.views import JobView, current_steps
from ...jobs.storage import read, search
from .. import ports
from . import turns
from .arguments import PLAN_RUN, PlanRunArguments

STOPPED = frozenset({JobState.FAILED, JobState.CANCELLED})


def with_outstanding(tx: ports.Transaction, plan: RecoveryPlan, verb: Verb, found: Taken) -> Taken:
    """The same, with what comes after groups that are not taken any more."""
    known = [*found.groups, *_left(tx, plan, verb, found)]
    return replace(found, groups=tuple(sorted(known, key=lambda group: group.number)))


def _left(tx: ports.Transaction, plan: RecoveryPlan, verb: Verb, found: Taken) -> Iterator[TakenGroup]:
    """Of the last run, if that was the same and stopped: as the plan has it now."""
    last = next(iter(search.of_subject(tx.session, turns.subject_of(plan.name), PLAN_RUN)), None)
    if last is None or last.state not in STOPPED:
        return
    run = PlanRunArguments.model_validate(last.arguments)
    if (run.verb, run.direction) != (verb, found.direction):
        return
    taken, not_done = {group.number for group in found.groups}, _not_done(tx, last, run)
    for number, group in enumerate(plan.groups, start=1):
        meant = taking.meant_after(group, verb, found.direction)
        after = tuple(each for each in meant if (number, each.name) in not_done)
        if after and number not in taken:
            yield TakenGroup(number, (), after=after, arrived=group.machines)


def _not_done(tx: ports.Transaction, last: JobView, run: PlanRunArguments) -> set[tuple[int, str]]:
    """What came after its groups, by their number and its name."""
    done = {each.key for each in current_steps(read.tasks_of(tx.session, last.id)) if each.done}
    return {
        (group.number, action.name)
        for group in run.groups
        for number, action in enumerate(group.after, start=1)
        if f"g{group.number}/after/{number}" not in done
    }
