"""Runs of plans in a database that was restored from a backup."""

import contextlib
import sqlite3

import pytest

from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.jobs.running import held_jobs
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import TRAFFIC, cancel, states, until, until_asked
from tests.vault.support_appliances import A


def hold(verbs):
    with verbs.store.transaction() as tx:
        held_jobs.hold_all(tx.session)


def resume(verbs, job_id):
    with verbs.store.transaction() as tx:
        verbs.engine.resume(tx.session, job_id)


def under_way(verbs, plan, verb):
    """A run whose first group is starting, held with the jobs of its machines."""
    verbs.appliances.silent.add(Kind.START_REPLICA)
    job_id = verbs.submit_plan(verb, plan(db={"after": (TRAFFIC,)}))
    until(verbs, lambda: any(kind == Kind.START_REPLICA for kind in asked(verbs)) or started(verbs, job_id))
    verbs.close()
    verbs.open()
    hold(verbs)
    verbs.appliances.mend()
    return job_id


def asked(verbs):
    return [kind for _, kind, _ in verbs.appliances.given]


def started(verbs, job_id):
    return any(
        task.waiting_for or task.state == "running"
        for child in verbs.tree(job_id).children
        for task in child.tasks
    )


def test_a_run_that_is_resumed_goes_on_with_its_machines_and_asks(verbs, plan):
    job_id = under_way(verbs, plan, Verb.FAILOVER)
    resume(verbs, job_id)
    until_asked(verbs, job_id)
    hold(verbs)
    resume(verbs, job_id)
    until_asked(verbs, job_id)
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert states(verbs) == [State.FAILED_OVER] * 5


def test_a_held_run_that_is_cancelled_ends_and_leaves_the_plan_free(verbs, plan):
    job_id = under_way(verbs, plan, Verb.FAILOVER)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state in ("cancelled", "partially_succeeded", "failed")
    assert all(job.state.ended for job in verbs.jobs())
    assert verbs.run_plan(Verb.FAILOVER, plan()).job.state == "succeeded"
    assert states(verbs) == [State.FAILED_OVER] * 5


@pytest.mark.parametrize("which", ["the run", "its machines"])
def test_machines_of_a_held_run_that_wait_for_their_turn_go_back_when_it_is_cancelled(verbs, plan, which):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    hold(verbs)
    if which == "the run":
        cancel(verbs, job_id)
    else:
        for child in verbs.tree(job_id).children:
            if not child.job.state.ended:
                cancel(verbs, child.job.id)
        verbs.engine.run_until_idle()
        resume(verbs, job_id)
    assert verbs.settle(job_id).job.state.ended
    verbs.rest()
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.PROTECTED] * 3
    assert all(verbs.appliances.running(verbs.machine(name).id) == [A] for name in NAMES[2:])


def test_a_held_drill_that_is_cancelled_leaves_no_drill(verbs, plan):
    job_id = under_way(verbs, plan, Verb.TEST_FAILOVER)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert [verbs.machine(name).drill_state for name in NAMES] == [DrillState.NONE] * 5


def test_a_run_of_another_release_ends_and_says_so(verbs, plan):
    job_id = verbs.submit_plan(Verb.FAILOVER, plan(db={"before": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    verbs.close()
    with_layout(verbs, 2)
    verbs.open()
    job = verbs.settle(job_id)
    assert (job.job.state, job.job.error.code) == ("failed", "definition-changed")
    assert states(verbs) == [State.PROTECTED] * 5
    assert verbs.run_plan(Verb.FAILOVER, plan()).job.state == "succeeded"


def with_layout(verbs, layout):
    with contextlib.closing(sqlite3.connect(f"{verbs.folder}/vault.db")) as file, file:
        file.execute(
            "update jobs set arguments = json_set(arguments, '$.layout', ?) where name = 'plan_run'",
            (layout,),
        )
