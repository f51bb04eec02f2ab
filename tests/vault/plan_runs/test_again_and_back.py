"""Runs of plans that are retried late, or cancelled while their last group is under way."""

import pytest

from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import TRAFFIC, cancel, states, until, until_asked


def test_a_drill_that_is_cancelled_in_its_last_group_is_cleaned_up_too(verbs, plan):
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, plan(), groups=frozenset({1}))
    verbs.appliances.silent.add(Kind.START_REPLICA)
    until(verbs, lambda: verbs.machine("db01").drill_state is DrillState.STARTING)
    cancel(verbs, job_id)
    verbs.appliances.mend()
    assert verbs.settle(job_id).job.state == "cancelled"
    assert [verbs.machine(name).drill_state for name in NAMES] == [DrillState.NONE] * 5


def stopped_by_a_person(verbs, shop):
    """The id of a planned failover that ended before its second group."""
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, job_id)
    verbs.answer(job_id, "failed", "no access")
    assert verbs.settle(job_id).job.state == "failed"
    return job_id


def retry(verbs, job_id):
    with verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job_id)


def test_a_run_is_not_retried_once_a_later_one_of_the_plan_has_begun(verbs, plan):
    """There would be two at once."""
    shop = plan(app={"before": (TRAFFIC,)})
    first = stopped_by_a_person(verbs, shop)
    later = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, later)
    with pytest.raises(Refused) as refused:
        retry(verbs, first)
    assert later[:10] in refused.value.message
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.PROTECTED] * 3


def test_a_run_that_is_the_newest_of_its_plan_is_retried(verbs, plan):
    first = stopped_by_a_person(verbs, plan(db={"before": (TRAFFIC,)}))
    retry(verbs, first)
    until_asked(verbs, first)
    verbs.answer(first, "done")
    assert verbs.settle(first).job.state == "succeeded"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5


def test_a_retry_of_a_run_starts_no_second_copy_of_a_machine_that_runs_at_its_source_now(verbs, plan):
    verbs.appliances.fail(Kind.START_REPLICA, times=1, machine_id=verbs.machine("db02").id)
    run = verbs.run_plan(Verb.FAILOVER, plan())
    assert (run.job.state, verbs.state("db02")) == ("partially_succeeded", State.FAILOVER_FAILED)
    tree = verbs.retry(run.job.id)
    (child,) = [each.job for each in tree.children if each.job.subject_name == "db02"]
    assert "db02 was not retried: it runs at a now" in child.error.message
    assert verbs.appliances.running(verbs.machine("db02").id) == ["appliance-a"]
    verbs.source_says("off", "db02")
    verbs.retry(run.job.id)
    assert states(verbs) == [State.FAILED_OVER] * 5


def test_a_run_that_is_not_the_newest_says_nothing_about_machines_that_moved_since(verbs, plan):
    """Its drills have been cleaned up: retried, it would open one and report five."""
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db02").id)
    first = verbs.run_plan(Verb.TEST_FAILOVER, plan())
    assert first.job.state == "partially_succeeded"
    verbs.appliances.mend()
    verbs.run_plan(Verb.CLEANUP_TEST_FAILOVER, plan())
    with pytest.raises(Refused):
        retry(verbs, first.job.id)


@pytest.mark.parametrize(
    ("verb", "ends", "state"),
    [
        (Verb.FAILOVER, "partially_succeeded", State.FAILED_OVER),
        (Verb.PLANNED_FAILOVER, "failed", State.PROTECTED),
    ],
)
def test_a_question_that_nobody_answers_does_not_hold_an_unplanned_failover_for_ever(
    verbs, plan, verb, ends, state
):
    job_id = verbs.submit_plan(verb, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    assert verbs.settle(job_id, within_seconds=40 * 86400).job.state == ends
    assert verbs.state("web01") is state


def test_a_retry_asks_again_for_an_action_that_failed(verbs, plan):
    """The old answer was repeated at once: the run could never succeed."""
    made = plan(db={"after": (TRAFFIC,)})
    job = verbs.submit_plan(Verb.FAILOVER, made)
    until_asked(verbs, job)
    verbs.answer(job, "failed", "no LUN")
    assert verbs.settle(job).job.state == "partially_succeeded"
    with verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job)
    until_asked(verbs, job)
    verbs.answer(job, "done")
    assert verbs.settle(job).job.state == "succeeded"
