"""A failback that synchronizes by itself: before or during the failover, broken off anywhere, and never
two copies or none."""

import pytest

from rig.dying import Killed
from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.directions import Direction
from secondsite.domain.points import RecoveryPointChoice
from secondsite.ground import seams
from secondsite.jobs.model.asking import asks_now
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import OTHER_A, Verbs, add_host, folder_in_memory, said


@pytest.fixture
def away(verbs):
    """web01 was failed over to b in need, committed, and not reprotected."""
    _lost_and_committed(verbs)
    verbs.appliances.given.clear()
    return verbs


def _lost_and_committed(verbs):
    verbs.protect()
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.copies.stop(verbs.machine().id, A)


def begin(verbs, sync, **more):
    return verbs.submit(Verb.PLANNED_FAILOVER, data_sync=sync, **more)


def waits(verbs, job_id):
    """Until it asks; what it asks."""
    for _ in range(200):
        verbs.engine.run_until_idle()
        asking = [task for task in verbs.tree(job_id).tasks if asks_now(task)]
        if asking:
            return asking[0]
        verbs.clock.pass_by(2)
    raise AssertionError(verbs.tree(job_id))


def ended(verbs, job_id):
    """The job, while another one goes on waiting."""
    for _ in range(200):
        verbs.engine.run_until_idle()
        if verbs.tree(job_id).job.state.ended:
            return verbs.tree(job_id).job
        verbs.clock.pass_by(2)
    raise AssertionError(verbs.tree(job_id))


def kinds(verbs):
    return [kind for _, kind, _ in verbs.appliances.given]


def running(verbs):
    return verbs.appliances.running(verbs.machine().id)


# ---- before the failover
# ---------------------------------------------------------------------------------------------


def test_before_the_failover_it_runs_on_until_a_person_completes_it(away):
    job_id = begin(away, "before")
    asks = waits(away, job_id)
    assert asks.title == "Complete failover"
    assert (away.state(), away.machine().source_site, running(away)) == (State.PROTECTED, "b", [B])
    assert Kind.SHUT_DOWN not in kinds(away)
    assert away.appliances.setups[away.machine().id].sync is SyncMode.COMPARE
    away.close()
    away.open()
    waits(away, job_id)
    away.answer(job_id, "complete")
    assert away.settle(job_id).job.state == "succeeded"
    assert (away.state(), running(away)) == (State.PLANNED_FAILED_OVER, [A])
    assert away.run(Verb.COMMIT).job.state == "succeeded"


def test_cancelled_while_it_waits_it_stays_where_it_is_and_protected(away):
    job_id = begin(away, "before")
    waits(away, job_id)
    with away.store.transaction() as tx:
        away.engine.cancel(tx.session, job_id)
    assert away.settle(job_id).job.state == "cancelled"
    assert (away.state(), away.machine().source_site, running(away)) == (State.PROTECTED, "b", [B])
    assert away.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"


def test_what_somebody_else_did_while_it_waited_is_not_done_over(away):
    job_id = begin(away, "before")
    waits(away, job_id)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert ended(away, away.submit(verb)).state == "succeeded"
    away.answer(job_id, "complete")
    assert "somebody else has acted on it" in away.settle(job_id).job.error.message
    assert (away.state(), running(away)) == (State.PROTECTED, [A])


# ---- during the failover
# ---------------------------------------------------------------------------------------------


def test_during_the_failover_it_is_shut_down_first_and_everything_goes_to_new_disks(away):
    job = away.settle(begin(away, "during"))
    assert job.job.state == "succeeded", job
    assert kinds(away).index(Kind.SHUT_DOWN) < kinds(away).index(Kind.START_REPLICATION)
    assert away.appliances.setups[away.machine().id].sync is SyncMode.COPY
    assert "without comparing" in said(job, "Prerequisites check").sentence
    assert (away.state(), running(away)) == (State.PLANNED_FAILED_OVER, [A])


@pytest.mark.parametrize(
    "kind", [Kind.WITHDRAW, Kind.PREPARE_REPLICA, Kind.START_REPLICATION, Kind.SHUT_DOWN, Kind.CHECK_TARGET]
)
def test_what_was_shut_down_for_nothing_runs_again_where_it_ran(away, kind):
    away.appliances.fail(kind, times=1)
    assert away.settle(begin(away, "during")).job.state == "failed"
    assert (away.state(), running(away)) == (State.COMMITTED, [B])
    away.appliances.mend()
    assert away.settle(begin(away, "during")).job.state == "succeeded"
    assert running(away) == [A]


def test_one_whose_move_is_refused_after_all_was_sent_runs_again_and_is_protected(away, monkeypatch):
    start = away.appliances._start_replication  # noqa: SLF001 the last order before the move

    def sent(*order):
        away.appliances.fail(Kind.CHECK_TARGET, times=1)
        return start(*order)

    monkeypatch.setattr(away.appliances, "_start_replication", sent)
    assert away.settle(begin(away, "during")).job.state == "failed"
    assert (away.state(), away.machine().source_site, running(away)) == (State.PROTECTED, "b", [B])


@pytest.mark.parametrize("kind", [Kind.PRE_COPY, Kind.START_REPLICA])
def test_one_whose_move_fails_comes_back_by_itself(away, kind):
    """Also where the move had not come to its own shutdown: it was down already."""
    away.appliances.fail(kind, times=1)
    assert away.settle(begin(away, "during")).job.state == "failed"
    assert (away.state(), away.machine().source_site, running(away)) == (State.PROTECTED, "b", [B])


@pytest.mark.parametrize("rounds", [1, 2])
def test_one_that_is_retried_after_a_person_moved_the_machine_starts_no_old_copy(away, rounds):
    away.appliances.fail(Kind.SHUT_DOWN, times=1)
    failed = away.settle(begin(away, "during"))
    assert failed.job.state == "failed"
    away.appliances.mend()
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT) * rounds:
        assert away.run(verb).job.state == "succeeded"
    there = running(away)
    again = away.retry(failed.job.id)
    assert "somebody else has acted on it" in again.job.error.message
    assert (away.state(), running(away), away.appliances.copies.two) == (State.COMMITTED, there, [])


def test_one_whose_protection_a_person_ends_meanwhile_runs_on_where_it_ran(away):
    """It was shut down for a failback that never comes: while it is off its protection does not end."""
    machine_id = away.machine().id
    asked = []

    def faster(kind):
        assert kind is Kind.SHUT_DOWN
        asked.append(away.submit(Verb.DISABLE_PROTECTION))

    away.appliances.at_order(1, faster)
    assert away.settle(begin(away, "during")).job.state == "failed"
    assert [away.tree(each).job.state for each in asked] == ["failed"]
    assert away.appliances.running(machine_id) == [B]
    assert away.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"


def test_a_vault_from_before_other_verbs_shuts_nothing_down(away):
    """Its job was held, and goes on; the appliances have seen orders of a later number."""
    machine, job_id = away.machine(), begin(away, "during")
    with away.store.transaction() as tx:
        tx.statuses.put_numbers({machine.id: (machine.generation + 7, 0)})
    assert away.settle(job_id).job.state == "failed"
    assert (kinds(away), running(away)) == ([Kind.POWER], [B])


# ---- what is refused
# -------------------------------------------------------------------------------------------------


def test_it_is_for_one_machine_that_was_committed_and_nothing_else(verbs):
    verbs.protect("web01", "db01")
    with pytest.raises(errors.NotPossibleNow, match="is for a machine that was committed"):
        begin(verbs, "before")
    with pytest.raises(errors.InvalidArgument, match="for one machine"):
        verbs.submit(Verb.PLANNED_FAILOVER, "web01", "db01", data_sync="before")


def test_during_the_failover_there_is_no_other_point_than_the_last_state(away):
    with pytest.raises(errors.InvalidArgument, match="only the last state can be chosen"):
        begin(away, "during", choice=RecoveryPointChoice.LATEST_APP_CONSISTENT)


@pytest.mark.parametrize("sync", ["before", "during"])
def test_a_direction_in_which_it_does_not_go_is_refused(away, sync):
    with pytest.raises(errors.NotPossibleNow, match="none would go away: home: web01"):
        begin(away, sync, direction=Direction.AWAY)
    assert (kinds(away), running(away)) == ([], [B])
    begin(away, sync, direction=Direction.HOME)


def test_a_site_that_is_away_is_told_before_anything_is_shut_down(away):
    away.appliances.away.add(A)
    job = away.settle(begin(away, "during"))
    assert "The appliance of site a is not connected" in job.job.error.message
    assert (kinds(away), running(away)) == ([], [B])


# ---- killed
# ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["before", "during"])
def test_a_vault_that_dies_anywhere_goes_on_and_two_copies_never_run(sync):
    nth = 3
    while True:
        left = [nth]

        def die(name, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise Killed(name)

        with folder_in_memory() as folder:
            verbs = Verbs(folder)
            _lost_and_committed(verbs)
            job_id = begin(verbs, sync)
            with seams.armed(die):
                try:
                    _to_its_end(verbs, job_id)
                except Killed:
                    verbs.close()
                    verbs.open()
            _to_its_end(verbs, job_id)
            assert verbs.tree(job_id).job.state == "succeeded", nth
            assert (verbs.state(), running(verbs)) == (State.PLANNED_FAILED_OVER, [A]), nth
            assert verbs.appliances.copies.two == []
            verbs.close()
        if left[0] > 0:
            assert nth > 50
            return
        nth += 71


def _to_its_end(verbs, job_id):
    for _ in range(300):
        verbs.engine.run_until_idle()
        tree = verbs.tree(job_id)
        if tree.job.state.ended:
            return
        if any(asks_now(task) for task in tree.tasks):
            verbs.answer(job_id, "complete")
        assert len(running(verbs)) <= 1
        verbs.clock.pass_by(2)
    raise AssertionError(verbs.tree(job_id))


def test_the_downtime_of_one_that_was_shut_down_first_counts_from_there(away):
    job_id = begin(away, "during")
    away.settle(job_id)
    began = next(task.started_at for task in away.tree(job_id).tasks if task.key == "shut_down")
    (moved,) = away.jobs(Verb.PLANNED_FAILOVER)[:1]
    assert moved.arguments["down_since"] == began.isoformat()


# ---- to another place
# ---------------------------------------------------------------------------------------------


def test_where_nothing_of_the_old_disks_is_left_the_same_job_sends_all_of_it_while_it_runs(away):
    job_id = begin(away, "before", location="alternate", store="fast")
    waits(away, job_id)
    assert (away.state(), running(away)) == (State.PROTECTED, [B])
    assert away.appliances.setups[away.machine().id].sync is SyncMode.COPY
    assert away.machine().kept.store == "fast"
    assert "all its data is sent to new disks at a" in said(away.tree(job_id), "Prerequisites check").sentence
    away.answer(job_id, "complete")
    assert away.settle(job_id).job.state == "succeeded"
    assert (away.state(), running(away)) == (State.PLANNED_FAILED_OVER, [A])


@pytest.mark.parametrize("sync", ["before", "during"])
def test_with_its_own_appliance_gone_it_comes_home_to_the_one_that_is_named(away, sync):
    add_host(away, A, OTHER_A, 1)
    away.appliances.never_had = {OTHER_A}
    away.appliances.destroy(A)
    job_id = begin(away, sync, location="alternate", target_appliance=OTHER_A)
    if sync == "before":
        waits(away, job_id)
        away.answer(job_id, "complete")
    assert ended(away, job_id).state == "succeeded"
    assert (away.state(), away.machine().target_appliance_id) == (State.PLANNED_FAILED_OVER, OTHER_A)
    assert running(away) == [OTHER_A]
    assert away.appliances.copies.two == []


def test_an_appliance_without_its_disks_is_refused_before_anything_is_written(away):
    add_host(away, A, OTHER_A, 1)
    with pytest.raises(errors.InvalidArgument, match="old disks of web01") as refused:
        begin(away, "before", target_appliance=OTHER_A)
    assert "--location alternate" in refused.value.do
    assert away.state() is State.COMMITTED


def test_what_is_not_compared_does_not_go_to_old_disks(away):
    with pytest.raises(errors.InvalidArgument, match="nothing is compared"):
        begin(away, "during", location="original")


def test_a_machine_that_is_protected_already_has_its_place(away):
    assert away.run(Verb.REPROTECT).job.state == "succeeded"
    with pytest.raises(errors.InvalidArgument, match="has its place already"):
        away.submit(Verb.PLANNED_FAILOVER, location="alternate")
