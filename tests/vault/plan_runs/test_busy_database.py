"""A database that is away for a moment, whenever that is, delays a plan's run and stops none: a planned
one would bring all its machines back."""

import itertools

import pytest

from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from tests.vault.plan_runs.conftest import members
from tests.vault.plan_runs.support_plan_runs import TRAFFIC
from tests.vault.support_busy import Busy
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = pytest.mark.slow
NAMES = ("db01", "web01")
FIRST, EVERY = 1, 11
ENDS = {
    Verb.PLANNED_FAILOVER: (State.PLANNED_FAILED_OVER, DrillState.NONE),
    Verb.FAILOVER: (State.FAILED_OVER, DrillState.NONE),
    Verb.TEST_FAILOVER: (State.PROTECTED, DrillState.RUNNING),
}


@pytest.mark.parametrize("verb", list(ENDS))
def test_a_run_comes_to_its_end_whichever_reading_of_a_step_is_refused(verb):
    for nth in itertools.count(FIRST, EVERY):
        with folder_in_memory() as folder:
            verbs = Verbs(folder, NAMES)
            verbs.protect(*NAMES)
            groups = (
                PlanGroup(members(verbs, NAMES[:1])),
                PlanGroup(members(verbs, NAMES[1:]), before=(TRAFFIC,)),
            )
            with Busy(verbs, nth).armed() as busy:
                job_id = verbs.submit_plan(verb, RecoveryPlan("shop", groups))
                run = ended(verbs, job_id)
            assert run.job.state == "succeeded", (nth, busy.at, run)
            assert {(verbs.state(name), verbs.machine(name).drill_state) for name in NAMES} == {ENDS[verb]}
            verbs.close()
        if busy.at is None:
            break
    assert nth > 3 * EVERY


def ended(verbs, job_id):
    """A person is asked on the way."""
    from secondsite.jobs.model.asking import asks_now

    for _ in range(300):
        verbs.engine.run_until_idle()
        tree = verbs.tree(job_id)
        if tree.job.state.ended:
            return tree
        if any(asks_now(task) for task in tree.tasks):
            verbs.answer(job_id, "done")
        verbs.clock.pass_by(5)
    raise AssertionError(f"it does not end: {verbs.tree(job_id)}")
