"""A test failover whose job stays open until somebody completes the test."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import Verbs, folder_in_memory, said

DAY = 86400


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect("web01")
        verbs.appliances.shows = True
        yield verbs
        verbs.close()


def opened(verbs):
    job_id = verbs.submit(Verb.TEST_FAILOVER, stay_open=True)
    look(verbs)
    return job_id


def look(verbs, days=0):
    """Enough for a waiting job to have looked once more, also one that waits long."""
    for _ in range(3):
        verbs.clock.pass_by(days * DAY + 120)
        verbs.engine.run_until_idle()


def complete(verbs, **said_of_it):
    verbs.submit(Verb.CLEANUP_TEST_FAILOVER, **said_of_it)
    look(verbs)


def test_its_job_waits_at_complete_testing_and_ends_with_what_was_noted(verbs):
    job_id = opened(verbs)
    waits = said(verbs.tree(job_id), "Complete testing")
    assert not verbs.tree(job_id).job.state.ended
    assert "web01-test waits at b" in waits.sentence
    assert "cleanup-test-failover web01 --verdict passed" in waits.sentence
    assert verbs.machine().drill_state is DrillState.RUNNING
    complete(verbs, notes="the shop works", verdict="passed")
    tree = verbs.tree(job_id)
    assert tree.job.state == "succeeded"
    assert tree.job.result == "completed by tester; verdict: passed; notes kept: the shop works"
    assert said(tree, "Complete testing").facts["verdict"] == "passed"
    assert verbs.machine().drill is None


def test_it_waits_on_after_the_vault_was_started_again(verbs):
    job_id = opened(verbs)
    verbs.close()
    verbs.open()
    look(verbs)
    assert not verbs.tree(job_id).job.state.ended
    complete(verbs, verdict="failed")
    assert "verdict: failed" in verbs.tree(job_id).job.result


def test_what_a_later_test_failover_shows_is_not_its_own(verbs):
    job_id = opened(verbs)
    for verdict in ("failed", "passed"):
        verbs.submit(Verb.CLEANUP_TEST_FAILOVER, notes=verdict, verdict=verdict)
        verbs.engine.run_until_idle()
        verbs.submit(Verb.TEST_FAILOVER)
        verbs.engine.run_until_idle()
    look(verbs)
    assert "notes kept: failed" in verbs.tree(job_id).job.result
    assert verbs.machine().drill_state is DrillState.RUNNING


def test_one_that_nobody_can_complete_is_told_and_leaves_what_runs_alone(verbs):
    job_id = opened(verbs)
    verbs.appliances.fail(Kind.STOP_REPLICA)
    look(verbs, days=40)
    tree = verbs.tree(job_id)
    assert tree.job.state == "partially_succeeded"
    assert "nobody completed it in 30 days: web01-test waits at b" in tree.job.result
    assert verbs.machine().drill is not None


def test_a_start_that_fails_leaves_nothing_open(verbs):
    verbs.appliances.fail(Kind.START_REPLICA)
    job = verbs.run(Verb.TEST_FAILOVER, stay_open=True)
    assert job.job.state == "failed"
    assert (verbs.machine().drill, verbs.machine().drill_state) == (None, DrillState.NONE)


def test_a_job_that_cleans_up_by_itself_cannot_stay_open(verbs):
    with pytest.raises(errors.InvalidArgument, match="nothing to stay open for"):
        verbs.submit(Verb.TEST_FAILOVER, stay_open=True, clean_up=True)
