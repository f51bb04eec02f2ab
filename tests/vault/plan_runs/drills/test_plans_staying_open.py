"""A plan's test failover whose job stays open until the test of each machine is completed."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import until
from tests.vault.support_operations import said

STEP = "Complete testing"


@pytest.fixture
def opened(verbs, plan):
    """The plan, and the job of its drill, which waits for testers."""
    made = plan()
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, made, stay_open=True)
    until(verbs, lambda: waits(verbs, job_id))
    return made, job_id


def waits(verbs, job_id):
    return any(task.title == STEP and task.sentence for task in verbs.tree(job_id).tasks)


def ended(verbs, job_id):
    until(verbs, lambda: verbs.tree(job_id).job.state.ended)
    return verbs.tree(job_id)


def complete(verbs, name, **judged):
    verbs.submit(Verb.CLEANUP_TEST_FAILOVER, name, **judged)
    until(verbs, lambda: verbs.machine(name).drill is None)


def test_all_groups_run_and_the_job_waits_until_the_last_machine_was_judged(verbs, opened):
    _, job_id = opened
    assert {verbs.machine(name).drill_state for name in NAMES} == {DrillState.RUNNING}
    assert "these wait to be tested and cleaned up: " in said(verbs.tree(job_id), STEP).sentence
    for name in NAMES[1:]:
        complete(verbs, name, verdict="passed", notes=f"{name} works")
    until(verbs, lambda: "cleaned up: db01" in said(verbs.tree(job_id), STEP).sentence)
    assert not verbs.tree(job_id).job.state.ended
    complete(verbs, "db01", verdict="failed", notes="no database")
    tree = ended(verbs, job_id)
    assert tree.job.state == "succeeded"
    assert "db01: failed, by tester ('no database')" in said(tree, STEP).sentence
    assert "web02: passed, by tester ('web02 works')" in said(tree, STEP).sentence


def test_the_clean_up_of_the_plan_ends_it(verbs, opened):
    made, job_id = opened
    assert verbs.run_plan(Verb.CLEANUP_TEST_FAILOVER, made, verdict="passed").job.state == "succeeded"
    assert ended(verbs, job_id).job.state == "succeeded"


def test_while_testers_look_the_plan_fails_over(verbs, opened):
    made, job_id = opened
    assert ended(verbs, verbs.submit_plan(Verb.FAILOVER, made)).job.state == "succeeded"
    assert {verbs.state(name) for name in NAMES} == {State.FAILED_OVER}
    assert not verbs.tree(job_id).job.state.ended


def test_before_all_machines_run_the_plan_is_not_run_a_second_time(verbs, plan):
    made = plan()
    verbs.appliances.unheard.add(Kind.START_REPLICA)
    verbs.submit_plan(Verb.TEST_FAILOVER, made, stay_open=True)
    verbs.engine.run_until_idle()
    with pytest.raises(errors.NotPossibleNow, match="is being run already"):
        verbs.submit_plan(Verb.FAILOVER, made)


def test_it_waits_on_after_the_vault_was_started_again(verbs, opened):
    made, job_id = opened
    verbs.close()
    verbs.open()
    verbs.engine.run_until_idle()
    assert not verbs.tree(job_id).job.state.ended
    verbs.run_plan(Verb.CLEANUP_TEST_FAILOVER, made)
    assert ended(verbs, job_id).job.state == "succeeded"


def test_a_machine_that_did_not_start_is_not_waited_for(verbs, plan):
    made = plan()
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("app01").id)
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, made, stay_open=True)
    until(verbs, lambda: waits(verbs, job_id))
    assert "app01" not in said(verbs.tree(job_id), STEP).sentence
    for name in NAMES[:2] + NAMES[3:]:
        complete(verbs, name)
    tree = ended(verbs, job_id)
    assert tree.job.state == "partially_succeeded"
    assert "not: app01" in tree.job.result


def test_one_that_cleans_up_by_itself_cannot_stay_open(verbs, plan):
    with pytest.raises(errors.InvalidArgument, match="nothing to stay open for"):
        verbs.submit_plan(Verb.TEST_FAILOVER, plan(), stay_open=True, clean_up=True)
