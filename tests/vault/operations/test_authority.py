"""A job acts only while no later one has touched its machine: late retries, and jobs of a restored
database."""

from pathlib import Path

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.wire.control.checks import ObstacleShape
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_restored import backed_up, forget_the_log, restored

pytestmark = pytest.mark.slow


def failed_at(verbs, kind, verb, *machines):
    """A job whose order of this kind failed once; its id."""
    verbs.appliances.fail(kind, times=1)
    job = verbs.run(verb, *machines)
    assert job.job.state in ("failed", "partially_succeeded")
    verbs.appliances.mend()
    return job.job.id


def refused(verbs, job_id):
    """What a retry is refused with; nothing was ordered for it."""
    verbs.appliances.given.clear()
    with pytest.raises(Refused) as refusal:
        verbs.retry(job_id)
    verbs.rest()
    assert verbs.appliances.given == []
    return f"{refusal.value.message} {refusal.value.do}"


def test_a_planned_failover_that_took_itself_back_is_not_retried_and_the_refusal_names_its_cancel(verbs):
    verbs.protect()
    job_id = failed_at(verbs, Kind.START_REPLICA, Verb.PLANNED_FAILOVER)
    (cancel,) = verbs.jobs(Verb.CANCEL_FAILOVER)
    said = refused(verbs, job_id)
    assert f"Job {cancel.id[:10]} (cancel-failover) came later" in said
    assert "secondsite machine planned-failover web01" in said
    assert verbs.state() is State.PROTECTED
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_planned_failover_that_takes_itself_back_before_its_start_removes_no_copy_that_it_did_not_start(
    verbs,
):
    """A restored vault may have forgotten the failover that did."""
    verbs.protect()
    failed_at(verbs, Kind.PRE_COPY, Verb.PLANNED_FAILOVER)
    assert verbs.jobs(Verb.CANCEL_FAILOVER)
    assert Kind.STOP_REPLICA not in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.state() is State.PROTECTED


def test_a_failover_asks_for_a_copy_that_it_did_not_start(verbs):
    """A restored vault may have forgotten the failover that did."""
    verbs.protect()
    failed_at(verbs, Kind.DRAIN, Verb.FAILOVER)
    assert verbs.appliances.checked.no_copy
    newest = verbs.appliances.points[verbs.machine().id, 1][-1].id
    assert verbs.appliances.checked.but_on.point_id == newest
    failed_at(verbs, Kind.START_REPLICA, Verb.FAILOVER)
    verbs.run(Verb.FAILOVER)
    assert not verbs.appliances.checked.no_copy  # its own may be there now


def test_the_cancel_of_a_failover_that_started_nothing_removes_no_copy_that_another_did_start(verbs):
    verbs.protect()
    failed_at(verbs, Kind.DRAIN, Verb.FAILOVER)
    verbs.appliances.given.clear()
    verbs.appliances.obstacles = (
        ObstacleShape(what="web01 was failed over to this site already.", do="Take it over."),
    )
    cancel = verbs.run(Verb.CANCEL_FAILOVER).job
    assert cancel.state == "failed"
    assert "Take it over." in cancel.error.message
    assert Kind.STOP_REPLICA not in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.state() is State.CANCEL_FAILED
    verbs.appliances.obstacles = ()
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    assert Kind.STOP_REPLICA not in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_failed_job_is_retried_days_later_if_nothing_came_after_it(verbs):
    verbs.protect()
    job_id = failed_at(verbs, Kind.START_REPLICA, Verb.FAILOVER)
    verbs.clock.pass_by(3 * 86400)
    verbs.source_says("off")
    assert verbs.retry(job_id).job.state == "succeeded"
    assert verbs.state() is State.FAILED_OVER


def test_a_failover_that_was_cancelled_is_not_retried(verbs):
    verbs.protect()
    job_id = failed_at(verbs, Kind.START_REPLICA, Verb.FAILOVER)
    verbs.run(Verb.CANCEL_FAILOVER)
    assert "cancel-failover" in refused(verbs, job_id)


def test_a_job_of_several_machines_is_retried_only_for_those_that_no_later_job_touched(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.fail(Kind.START_REPLICA, times=2)
    batch = verbs.run(Verb.FAILOVER, "web01", "db01")
    assert batch.job.state == "failed"
    verbs.appliances.mend()
    verbs.run(Verb.CANCEL_FAILOVER, "db01")
    verbs.source_says("off")
    verbs.retry(batch.job.id)
    assert (verbs.state("web01"), verbs.state("db01")) == (State.FAILED_OVER, State.PROTECTED)
    assert verbs.appliances.running(verbs.machine("db01").id) == [A]
    assert "cancel-failover" in refused(verbs, batch.job.id)


def test_a_batch_that_waited_does_not_take_a_machine_that_a_later_job_took(verbs):
    verbs.protect("web01", "db01")
    batch = verbs.submit(Verb.PLANNED_FAILOVER, "web01", "db01")
    later = verbs.submit(Verb.RESYNCHRONIZE, "db01")
    assert verbs.settle(batch).job.state == "partially_succeeded"
    assert verbs.tree(later).job.state == "succeeded"
    assert (verbs.state("web01"), verbs.state("db01")) == (State.PLANNED_FAILED_OVER, State.PROTECTED)


def test_a_job_that_a_failover_overtook_gives_no_more_orders(verbs):
    verbs.protect()
    verbs.appliances.silent.add(Kind.RESYNCHRONIZE)
    overtaken = verbs.submit(Verb.RESYNCHRONIZE)
    verbs.engine.run_until_idle()
    failing_over = verbs.submit(Verb.FAILOVER)
    verbs.settle(failing_over)
    verbs.appliances.mend()
    verbs.appliances.given.clear()
    job = verbs.settle(overtaken).job
    assert job.state == "failed"
    assert f"Job {failing_over[:10]} (failover) came later" in job.error.message
    assert verbs.appliances.given == []


def test_a_drill_that_a_later_one_has_overtaken_is_not_retried(verbs):
    verbs.protect()
    job_id = failed_at(verbs, Kind.START_REPLICA, Verb.TEST_FAILOVER)
    for verb in (Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    assert "cleanup-test-failover" in refused(verbs, job_id)


def test_drills_go_on_beside_the_other_verbs(verbs):
    """A failover takes no drill's number, nor a drill that of the failover."""
    verbs.protect()
    assert verbs.run(Verb.TEST_FAILOVER).job.state == "succeeded"
    verbs.appliances.fail(Kind.STOP_REPLICA, times=1)
    cleanup = verbs.run(Verb.CLEANUP_TEST_FAILOVER).job
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    assert verbs.retry(cleanup.id).job.state == "succeeded"
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"


# ---- a restored database ---------------------------------------------------------------------------------


def waiting_for_the_last_cycle(verbs):
    """A planned failover in the middle, which its source does not answer."""
    verbs.protect()
    verbs.appliances.silent.add(Kind.RUN_CYCLE)
    job_id = verbs.submit(Verb.PLANNED_FAILOVER)
    verbs.engine.run_until_idle()
    return job_id


@pytest.mark.parametrize("told", [False, True])
def test_a_job_of_a_restored_database_moves_no_machine_that_has_moved_on(verbs, told):
    job_id = waiting_for_the_last_cycle(verbs)
    backed_up(verbs)
    verbs.appliances.mend()
    assert verbs.settle(job_id).job.state == "succeeded"
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    verbs.clock.pass_by(40 * 86400)
    restored(verbs)
    verbs.appliances.lose_reports()
    if told:
        verbs.appliances.tell_generations()
    verbs.appliances.given.clear()
    job = verbs.settle(job_id).job
    assert job.state == "failed"
    assert job.error.code == "stale-order"
    assert verbs.appliances.given == []
    assert verbs.state() is State.CANCEL_FAILED
    assert verbs.jobs(Verb.CANCEL_FAILOVER) == [], "it may be somebody's production by now"


def test_what_a_person_starts_in_a_restored_vault_is_heard(verbs):
    verbs.protect()
    backed_up(verbs)
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    verbs.run(Verb.COMMIT)
    restored(verbs)
    verbs.appliances.tell_generations()
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    assert verbs.appliances.stale == []
    assert B in verbs.appliances.running(verbs.machine().id)


def renewed(verbs):
    """As every ten minutes."""
    verbs.restored.renew()


@pytest.fixture
def restored_and_noticed(verbs):
    """A vault on a backup of ten minutes before: a planned failover was under way, which ended long ago."""
    job_id = waiting_for_the_last_cycle(verbs)
    backed_up(verbs)
    verbs.appliances.mend()
    renewed(verbs)
    assert verbs.settle(job_id).job.state == "succeeded"
    verbs.clock.pass_by(40 * 86400)
    restored(verbs)
    verbs.appliances.lose_reports()
    verbs.appliances.given.clear()
    verbs.engine.run_until_idle()
    verbs.clock.pass_by(600)
    verbs.engine.run_until_idle()
    return job_id


def test_the_jobs_of_a_restored_vault_are_held(verbs, restored_and_noticed):
    assert verbs.tree(restored_and_noticed).job.state == "held"
    assert verbs.appliances.given == []
    verbs.close()
    verbs.open()
    verbs.engine.run_until_idle()
    assert verbs.tree(restored_and_noticed).job.state == "held", "until a person decides"
    assert verbs.appliances.given == []


def test_a_held_job_goes_on_when_a_person_resumes_it(verbs, restored_and_noticed):
    with verbs.store.transaction() as tx:
        verbs.engine.resume(tx.session, restored_and_noticed)
    assert verbs.settle(restored_and_noticed).job.state == "succeeded"
    assert verbs.state() is State.PLANNED_FAILED_OVER
    with pytest.raises(Refused, match="succeeded"), verbs.store.transaction() as tx:
        verbs.engine.resume(tx.session, restored_and_noticed)


def test_a_held_job_that_a_person_cancels_does_nothing_more_and_takes_nothing_back(
    verbs, restored_and_noticed
):
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, restored_and_noticed)
    job = verbs.settle(restored_and_noticed).job
    assert (job.state, job.error.code) == ("failed", "given-up")
    assert verbs.appliances.given == []
    assert verbs.jobs(Verb.CANCEL_FAILOVER) == []
    assert verbs.state() is State.CANCEL_FAILED, "a person says what becomes of it"


def test_a_held_job_that_touched_nothing_leaves_the_machine_as_it_was(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.silent.add(Kind.LIST_POINTS)
    batch = verbs.submit(Verb.FAILOVER, "web01", "db01")
    verbs.engine.run_until_idle()
    backed_up(verbs)
    renewed(verbs)
    restored(verbs)
    verbs.engine.run_until_idle()
    assert [child.job.state for child in verbs.tree(batch).children] == ["held", "held"]
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, batch)
    assert verbs.settle(batch).job.state == "failed"
    assert (verbs.state("web01"), verbs.state("db01")) == (State.PROTECTED, State.PROTECTED)


def test_a_held_enable_is_undone_when_it_is_cancelled(verbs):
    verbs.appliances.silent.add(Kind.START_REPLICATION)
    job_id = verbs.submit(Verb.ENABLE_PROTECTION)
    verbs.engine.run_until_idle()
    backed_up(verbs)
    renewed(verbs)
    restored(verbs)
    verbs.engine.run_until_idle()
    verbs.appliances.mend()
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert verbs.machine() is None


@pytest.mark.parametrize("how", ["same", "moved"])
def test_a_vault_that_starts_again_goes_on_with_its_jobs_unless_its_database_lies_in_another_file(verbs, how):
    job_id = waiting_for_the_last_cycle(verbs)
    if how == "moved":
        backed_up(verbs)
    verbs.close()
    if how == "moved":
        Path(f"{verbs.folder}/backup").replace(f"{verbs.folder}/vault.db")
        forget_the_log(verbs)
    verbs.appliances.mend()
    verbs.open()
    verbs.engine.run_until_idle()
    assert (verbs.tree(job_id).job.state == "held") is (how == "moved")


# ---- a target that the machine has left
# ------------------------------------------------------------------------------


@pytest.fixture
def left(verbs):
    """A record of the first direction, as of an appliance that the machine has left and a new vault
    adopted; its source replicates it in the third epoch, to another one."""
    verbs.protect()
    machine = verbs.machine()
    with verbs.store.transaction() as tx:
        known = tx.statuses.get(machine.id).source
        tx.statuses.put_source(known.model_copy(update={"epoch": 3}), verbs.clock.now())
    return verbs


@pytest.mark.parametrize("verb", [Verb.PLANNED_FAILOVER, Verb.FAILOVER])
def test_nothing_is_started_from_what_a_machine_has_left_while_its_source_is_there_to_say_so(left, verb):
    job = left.run(verb, **({"shut_down_source": True} if verb is Verb.FAILOVER else {}))
    assert "replicates it in its epoch 3" in job.job.error.message
    assert "secondsite vault adopt" in job.tasks[0].error.message + job.tasks[0].error.do
    assert (left.state(), left.appliances.running(left.machine().id)) == (State.PROTECTED, [A])
    assert left.appliances.given == []


def test_of_a_source_that_is_gone_nothing_is_asked(left):
    left.appliances.destroy(A)
    assert left.run(Verb.FAILOVER).job.state == "succeeded"
    assert left.appliances.running(left.machine().id) == [B]


def test_a_held_change_of_the_point_that_is_given_up_undoes_nothing(verbs):
    """The backup was of the minute in which it looked at the machine, which has worked from the new point
    since: that was stopped, and the old point started."""
    verbs.protect()
    machine, appliances = verbs.machine(), verbs.appliances
    appliances.shows = True
    point = appliances.seal(machine.id)
    verbs.clock.pass_by(60)
    appliances.seal(machine.id)
    verbs.run(Verb.FAILOVER)
    appliances.silent.add(Kind.PROVE)
    job = verbs.submit(Verb.CHANGE_RECOVERY_POINT, choice="custom", point=point.id)
    for _ in range(3):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    backed_up(verbs)
    appliances.mend()
    verbs.restored.renew()
    assert verbs.settle(job).job.state == "succeeded"
    verbs.clock.pass_by(5 * 86400)
    restored(verbs)
    appliances.given.clear()
    verbs.engine.run_until_idle()
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job)
    assert verbs.settle(job).job.error.code == "given-up"
    assert appliances.given == []


# ---- what a person is advised
# --------------------------------------------------------------------------------------


def advice_of(job):
    """What the job and its failed tasks recommend."""
    return [each.problem.do for each in (job, *job.tasks) if each.problem is not None]


def failed_with(verbs, do, kind, verb, *machines):
    verbs.appliances.fail(kind, times=1, problem=errors.FabricError("It hangs.", do=do))
    job = verbs.run(verb, *machines)
    verbs.appliances.mend()
    return job.job.id


RETRIES = ["Shut it down; then retry the job.", "Wait, then retry.", "Retry the job: it goes on."]


@pytest.mark.parametrize("do", RETRIES)
def test_a_planned_failover_that_took_itself_back_advises_the_verb_and_no_retry(verbs, do):
    verbs.protect()
    job = verbs.shown(failed_with(verbs, do, Kind.START_REPLICA, Verb.PLANNED_FAILOVER))
    for said in advice_of(job):
        assert "etry" not in said
        assert "try again" in said.lower()
        assert "'secondsite machine planned-failover web01'" in said
    assert len(advice_of(job)) == 2


def test_a_batch_of_planned_failovers_that_took_themselves_back_advises_no_retry(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.fail(Kind.START_REPLICA, times=2)
    job = verbs.run(Verb.PLANNED_FAILOVER, "web01", "db01")
    verbs.appliances.mend()
    for said in advice_of(verbs.shown(job.job.id)):
        assert "retry this job" not in said
        assert "secondsite machine planned-failover" in said


@pytest.mark.parametrize("do", RETRIES)
def test_a_retry_stays_the_advice_while_it_is_possible_and_no_longer(verbs, do):
    verbs.protect()
    verbs.appliances.seal(verbs.machine().id)
    job_id = failed_with(verbs, do, Kind.START_REPLICA, Verb.FAILOVER)
    verbs.source_says("off")
    assert set(advice_of(verbs.shown(job_id))) == {do}
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    for said in advice_of(verbs.shown(job_id)):
        assert "etry" not in said
