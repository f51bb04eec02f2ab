"""What a drill showed: said by a person, or by its proof; and one that cleans up by itself."""

import pytest

from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.vault.store import MachineChecksRecord
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import Verbs, folder_in_memory, said

PORT = MachineCheck(name="web", kind="tcp", port=80)
LEFT_NOTHING = [Kind.STOP_REPLICA, Kind.REMOVE_NETWORK]


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder, ("web01", "db01"))
        verbs.protect("web01", "db01")
        verbs.appliances.shows = True
        yield verbs
        verbs.close()


def checked(verbs, *names):
    with verbs.store.transaction() as tx:
        for name in names or ("web01",):
            tx.checks.put(MachineChecksRecord(verbs.machine(name).id, (PORT,)))


def notes(verbs, name="web01"):
    with verbs.store.reading() as tx:
        return tx.drill_notes.list(verbs.machine(name).id)


def ended(verbs):
    return [kind for _, kind, _ in verbs.appliances.given if kind in LEFT_NOTHING]


def test_a_person_says_what_it_showed_and_it_is_kept_with_the_drill(verbs):
    verbs.run(Verb.TEST_FAILOVER)
    job = verbs.run(Verb.CLEANUP_TEST_FAILOVER, notes="no login", verdict="failed")
    assert "verdict: failed; notes kept: no login" in job.job.result
    assert said(job, "Complete testing").facts["verdict"] == "failed"
    (note,) = notes(verbs)
    assert (note.verdict, note.notes) == ("failed", "no login")
    assert verbs.machine().drill_failed_at == note.completed_at


def test_a_failed_drill_stays_failed_until_one_has_passed(verbs):
    failed_at = None
    for verdict in ("failed", None, "passed"):
        verbs.run(Verb.TEST_FAILOVER)
        verbs.run(Verb.CLEANUP_TEST_FAILOVER, verdict=verdict)
        if verdict == "failed":
            failed_at = verbs.machine().drill_failed_at
        assert verbs.machine().drill_failed_at == (None if verdict == "passed" else failed_at)
    assert failed_at is not None


@pytest.mark.parametrize(("failing", "verdict"), [((), "passed"), (("web",), "failed")])
def test_without_a_word_the_verdict_is_that_of_the_proof(verbs, failing, verdict):
    checked(verbs)
    verbs.appliances.failing_checks |= set(failing)
    verbs.run(Verb.TEST_FAILOVER)
    assert verbs.machine().drill.proven == verdict
    verbs.run(Verb.CLEANUP_TEST_FAILOVER)
    assert notes(verbs)[-1].verdict == verdict


def test_who_looked_knows_more_than_the_proof(verbs):
    checked(verbs)
    verbs.appliances.failing_checks.add("web")
    verbs.run(Verb.TEST_FAILOVER)
    verbs.run(Verb.CLEANUP_TEST_FAILOVER, verdict="passed")
    assert (notes(verbs)[-1].verdict, verbs.machine().drill_failed_at) == ("passed", None)


def test_the_ended_job_says_that_the_machine_waits_and_what_to_type(verbs):
    job = verbs.run(Verb.TEST_FAILOVER)
    assert "web01-test waits at b; proof: no verdict" in job.job.result
    assert "cleanup-test-failover web01 --verdict passed" in job.job.result


def test_a_drill_cleans_up_by_itself_and_has_the_verdict_of_its_proof(verbs):
    checked(verbs)
    job = verbs.run(Verb.TEST_FAILOVER, clean_up=True)
    assert job.job.state == "succeeded"
    assert "verdict: passed; notes kept: by itself: did prove" in job.job.result
    assert ended(verbs) == LEFT_NOTHING
    machine = verbs.machine()
    assert (machine.drill, machine.drill_state) == (None, DrillState.NONE)
    assert machine.drilled_at is not None
    assert verbs.appliances.proving.wait_seconds >= 180  # nobody looks later


def test_a_proof_that_failed_cleans_up_too_and_the_job_says_so(verbs):
    checked(verbs)
    verbs.appliances.failing_checks.add("web")
    job = verbs.run(Verb.TEST_FAILOVER, clean_up=True)
    assert (job.job.state, ended(verbs)) == ("partially_succeeded", LEFT_NOTHING)
    assert said(job, "Proof").facts["evidence"]["proven"] is False
    assert verbs.machine().drill_failed_at is not None


def test_one_that_failed_is_kept_if_that_was_asked_for(verbs):
    checked(verbs)
    verbs.appliances.failing_checks.add("web")
    job = verbs.run(Verb.TEST_FAILOVER, clean_up=True, keep_if_failed=True)
    assert (job.job.state, ended(verbs)) == ("partially_succeeded", [])
    assert "cleanup-test-failover web01" in job.job.result
    machine = verbs.machine()
    assert (machine.drill_state, machine.drill.proven) == (DrillState.RUNNING, "failed")
    assert machine.drill_failed_at is not None
    verbs.run(Verb.CLEANUP_TEST_FAILOVER)
    assert verbs.machine().drill_state is DrillState.NONE


def test_several_machines_clean_up_each_and_one_that_cannot_start_fails_alone(verbs):
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db01").id)
    assert verbs.run(Verb.TEST_FAILOVER, "web01", "db01", clean_up=True).job.state == "partially_succeeded"
    assert [verbs.machine(name).drill_state for name in ("web01", "db01")] == [DrillState.NONE] * 2
    assert verbs.machine("web01").drill_failed_at is None
    assert verbs.machine("db01").drill_failed_at is not None


def test_a_machine_that_cannot_be_removed_is_left_to_a_person(verbs):
    verbs.appliances.fail(Kind.REMOVE_NETWORK)
    job = verbs.run(Verb.TEST_FAILOVER, clean_up=True)
    assert job.job.state == "failed"
    assert verbs.machine().drill_state is DrillState.CLEANUP_FAILED
    with pytest.raises(Refused, match="cleanup_test_failover"):
        verbs.retry(job.job.id)
    verbs.appliances.mend()
    verbs.run(Verb.CLEANUP_TEST_FAILOVER)
    assert verbs.machine().drill_state is DrillState.NONE


def test_a_cancel_while_it_is_looked_at_removes_the_same(verbs):
    verbs.appliances.silent.add(Kind.PROVE)
    job_id = verbs.submit(Verb.TEST_FAILOVER, clean_up=True)
    verbs.engine.run_until_idle()
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    machine = verbs.machine()
    assert (ended(verbs), machine.drill_state, machine.drill_failed_at) == (
        LEFT_NOTHING,
        DrillState.NONE,
        None,
    )


def test_once_it_cleans_up_it_goes_on_to_the_end(verbs):
    verbs.appliances.silent.add(Kind.STOP_REPLICA)
    job_id = verbs.submit(Verb.TEST_FAILOVER, clean_up=True)
    verbs.engine.run_until_idle()
    assert verbs.machine().drill_state is DrillState.CLEANING
    with pytest.raises(Refused, match="past the point of return"), verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)
    verbs.close()
    verbs.open()  # as after a kill
    verbs.appliances.mend()
    assert verbs.settle(job_id).job.state == "succeeded"
    assert verbs.machine().drill_state is DrillState.NONE


@pytest.mark.parametrize("way", ["clean_up", "stay_open"])
def test_a_drill_that_has_ended_is_not_retried_for_its_failed_proof(verbs, way):
    """The retry proved a machine that was gone, "succeeded", and left the machine in a drill that nothing
    ended."""
    checked(verbs)
    verbs.appliances.failing_checks.add("web")
    job = verbs.submit(Verb.TEST_FAILOVER, **{way: True})
    for _ in range(300):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    if way == "stay_open":
        verbs.run(Verb.CLEANUP_TEST_FAILOVER)
    assert verbs.settle(job).job.state == "partially_succeeded"
    with pytest.raises(Refused, match=r"has succeeded|came later"):
        verbs.retry(job)
    assert verbs.machine().drill_state is DrillState.NONE
