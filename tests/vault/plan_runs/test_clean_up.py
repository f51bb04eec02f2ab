"""A drill of a plan that cleans up by itself: all machines stay until the last one is proven, then the
last group goes first."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.vault.store import MachineChecksRecord
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import until

CHECK = MachineCheck(name="web", kind="tcp", port=80)


@pytest.fixture
def drilled(verbs, plan):
    """A plan whose machines show that they run; each has a check."""
    made = plan()
    verbs.appliances.shows = True
    with verbs.store.transaction() as tx:
        for name in NAMES:
            tx.checks.put(MachineChecksRecord(verbs.machine(name).id, (CHECK,)))
    return made


def order_of(verbs, kind):
    names = {verbs.machine(name).id: name for name in NAMES}
    return [names[machine] for _, given, machine in verbs.appliances.given if given is kind]


def drill_states(verbs):
    return {verbs.machine(name).drill_state for name in NAMES}


def test_all_machines_are_there_until_the_last_one_is_proven_and_the_last_group_goes_first(verbs, drilled):
    job = verbs.run_plan(Verb.TEST_FAILOVER, drilled, clean_up=True)
    assert job.job.state == "succeeded"
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    last_look = max(at for at, kind in enumerate(kinds) if kind is Kind.PROVE)
    assert last_look < kinds.index(Kind.STOP_REPLICA)
    stopped = order_of(verbs, Kind.STOP_REPLICA)
    assert [set(stopped[:2]), stopped[2], set(stopped[3:])] == [set(NAMES[3:]), NAMES[2], set(NAMES[:2])]
    assert drill_states(verbs) == {DrillState.NONE}
    assert all(verbs.machine(name).drilled_at for name in NAMES)
    assert "5 of 5 machines" in job.job.result


def test_a_machine_whose_proof_failed_goes_with_the_others_and_is_named(verbs, drilled):
    verbs.appliances.failing_checks.add("web")
    job = verbs.run_plan(Verb.TEST_FAILOVER, drilled, clean_up=True)
    assert job.job.state == "partially_succeeded"
    (task,) = [each for each in job.tasks if each.key == "g2/clean_up"]
    assert "failed: app01" in task.sentence
    assert drill_states(verbs) == {DrillState.NONE}
    assert all(verbs.machine(name).drill_failed_at for name in NAMES)


def test_all_stay_if_one_failed_and_that_was_asked_for(verbs, drilled):
    verbs.appliances.failing_checks.add("web")
    job = verbs.run_plan(Verb.TEST_FAILOVER, drilled, clean_up=True, keep_if_failed=True)
    assert job.job.state == "partially_succeeded"
    assert drill_states(verbs) == {DrillState.RUNNING}
    assert not order_of(verbs, Kind.STOP_REPLICA)


def test_a_vault_that_dies_while_it_cleans_up_goes_on(verbs, drilled):
    verbs.appliances.unheard.add(Kind.STOP_REPLICA)
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, drilled, clean_up=True)
    until(verbs, lambda: len(order_of(verbs, Kind.STOP_REPLICA)) == 2)
    verbs.close()
    verbs.open()
    verbs.appliances.mend()
    assert verbs.settle(job_id).job.state == "succeeded"
    assert drill_states(verbs) == {DrillState.NONE}
    assert sorted(order_of(verbs, Kind.STOP_REPLICA)) == sorted(NAMES)


@pytest.mark.parametrize("of_run", [True, False])
def test_no_retry_leaves_a_test_machine_behind_that_nobody_cleans_up(verbs, drilled, of_run):
    """It said that all succeeded, and a copy of production ran on for two weeks."""
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db01").id)
    run = verbs.run_plan(Verb.TEST_FAILOVER, drilled, clean_up=True)
    (own,) = (each for each in verbs.jobs(Verb.TEST_FAILOVER) if each.subject_name == "db01")
    assert (run.job.state, own.state) == ("partially_succeeded", "failed")
    verbs.appliances.mend()
    with pytest.raises(Refused, match=r"cleaned up|clean up") as refused:
        verbs.retry(run.job.id if of_run else own.id)
    assert "Run the plan again" in refused.value.do
    assert drill_states(verbs) == {DrillState.NONE}
    again = verbs.run_plan(Verb.TEST_FAILOVER, drilled, clean_up=True)
    assert (again.job.state, drill_states(verbs)) == ("succeeded", {DrillState.NONE})


def test_a_machine_s_drill_in_a_run_that_has_ended_advises_a_new_run_and_no_retry(verbs, drilled):
    hangs = errors.FabricError("It hangs.", do="Look at its log, then retry the job.")
    verbs.appliances.fail(Kind.START_REPLICA, times=1, problem=hangs)
    job = verbs.run_plan(Verb.TEST_FAILOVER, drilled, clean_up=True)
    verbs.appliances.mend()
    (failed,) = [each.job.id for each in job.children if each.job.state == "failed"]
    said = verbs.shown(failed).problem.do
    assert said == ("Look at its log, then try again. This job is not retried any more. Run the plan again.")
