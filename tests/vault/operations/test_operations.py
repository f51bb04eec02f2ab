"""What verbs do when something in the middle of them does not work."""

from datetime import datetime

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.ground import seams
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.failures import Refused
from secondsite.jobs.storage import journal
from secondsite.wire.control.checks import ObstacleShape
from secondsite.wire.control.orders import Kind
from tests.support.vault import source_status
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

pytestmark = pytest.mark.always


def planned_failed_over(verbs):
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"


def failed_over(verbs):
    verbs.protect()
    verbs.appliances.seal(verbs.machine().id)
    assert verbs.run(Verb.FAILOVER, shut_down_source=True).job.state == "succeeded"


def committed(verbs):
    failed_over(verbs)
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"


# ---- enable protection
# --------------------------------------------------------------------------------------


def test_a_seed_is_imported_between_the_replica_and_replication(verbs):
    job = verbs.run(Verb.ENABLE_PROTECTION, seeds={"web01": {"vda": "/media/usb/web01.qcow2"}})
    assert job.job.state == "succeeded"
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    assert kinds[-3:] == [Kind.PREPARE_REPLICA, Kind.IMPORT_SEED, Kind.START_REPLICATION]
    assert verbs.appliances.seeded == ("vda",)
    assert said(job, "Import of the seed").facts["size_bytes"] == 1 << 20


def test_without_a_seed_the_job_says_that_all_data_travels(verbs):
    job = verbs.run(Verb.ENABLE_PROTECTION)
    assert said(job, "Import of the seed").state == "skipped"
    assert verbs.appliances.seeded == ()


@pytest.mark.parametrize(
    "seeds", [{"db01": {"vda": "/x.raw"}}, {"web01": {"vda": "x.raw"}}, {"nosuch": {"vda": "/x.raw"}}]
)
def test_a_seed_that_cannot_be_meant_is_refused_before_there_is_a_job(verbs, seeds):
    with pytest.raises(errors.InvalidArgument):
        verbs.submit(Verb.ENABLE_PROTECTION, seeds=seeds)
    assert verbs.jobs() == []


def test_disks_of_a_machine_that_is_not_named_are_refused_before_there_is_a_job(verbs):
    with pytest.raises(errors.InvalidArgument, match="Disks are named for web1, which is not among"):
        verbs.submit(Verb.ENABLE_PROTECTION, disks={"web1": ("vda",)})
    assert verbs.jobs() == []


def test_a_seed_of_a_disk_that_is_not_protected_fails_the_check(verbs):
    job = verbs.run(Verb.ENABLE_PROTECTION, seeds={"web01": {"vdz": "/media/usb/web01.qcow2"}})
    assert job.job.state == "failed"
    assert "no disk vdz" in job.job.error.message
    assert verbs.machine() is None


def test_an_import_that_fails_leaves_nothing_behind(verbs):
    verbs.appliances.fail(Kind.IMPORT_SEED)
    job = verbs.run(Verb.ENABLE_PROTECTION, seeds={"web01": {"vda": "/media/usb/web01.qcow2"}})
    assert job.job.state == "failed"
    assert (B, Kind.REMOVE_REPLICA, job.job.subject) in verbs.appliances.given
    assert verbs.machine() is None
    verbs.appliances.mend()
    assert verbs.retry(job.job.id).job.state == "succeeded"
    assert verbs.appliances.seeded == ("vda",)


# ---- failover ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shut_down_source", [False, True])
def test_failover_goes_on_when_the_source_is_away(verbs, shut_down_source):
    verbs.protect()
    verbs.appliances.away.add(A)
    began = verbs.clock.monotonic()
    job = verbs.run(Verb.FAILOVER, shut_down_source=shut_down_source)
    assert job.job.state == "succeeded"
    assert verbs.state() is State.FAILED_OVER
    assert (B, Kind.START_REPLICA, verbs.machine().id) in verbs.appliances.given
    assert verbs.clock.monotonic() - began < 300


@pytest.mark.parametrize("kind", [Kind.SHUT_DOWN, Kind.RUN_CYCLE, Kind.PAUSE_REPLICATION])
def test_failover_goes_on_when_the_source_refuses(verbs, kind):
    verbs.protect()
    verbs.appliances.fail(kind)
    job = verbs.run(Verb.FAILOVER, shut_down_source=True)
    assert job.job.state == "succeeded"
    assert verbs.state() is State.FAILED_OVER


def test_failover_goes_on_when_the_source_is_connected_and_never_answers(verbs):
    verbs.protect()
    verbs.appliances.silent |= {Kind.SHUT_DOWN, Kind.PAUSE_REPLICATION}
    job = verbs.run(Verb.FAILOVER, shut_down_source=True)
    assert job.job.state == "succeeded"
    assert said(job, "Shut down").state == "skipped"


def test_that_a_start_was_ordered_is_on_record_when_its_step_begins_and_not_before(verbs):
    verbs.protect()
    seen = []

    def reached(seam):
        if seam == "job.step.begun":
            seen.append(verbs.machine().start_ordered)

    with seams.armed(reached):
        assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    assert seen == [False, False, False, True, True, True]


def test_a_job_that_lost_its_machine_does_not_put_on_record_that_it_starts_it(verbs):
    verbs.protect()
    earlier = verbs.run(Verb.PLANNED_FAILOVER).job
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    begins = next(each.begins for each in verbs.steps(Verb.FAILOVER) if each.key == "start")
    with verbs.store.transaction() as tx:
        begins(tx.session, earlier)
    assert not verbs.machine().start_ordered


def seconds_of_a_failover(verbs, coming_on):
    verbs.protect()
    verbs.appliances.silent |= {Kind.RUN_CYCLE}
    began = verbs.clock.monotonic()
    verbs.appliances.coming_on = lambda: coming_on(verbs.clock.monotonic() - began)
    job_id = verbs.submit(Verb.FAILOVER, shut_down_source=True)
    while not verbs.tree(job_id).job.state.ended:
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(5)
    assert verbs.tree(job_id).job.state == "succeeded"
    assert said(verbs.tree(job_id), "Shut down").state == "succeeded", "it was shut down"
    return verbs.clock.monotonic() - began, said(verbs.tree(job_id), "Shut down").sentence


def test_a_failover_gives_the_last_changes_up_after_two_minutes_without_progress(verbs):
    seconds, sentence = seconds_of_a_failover(verbs, lambda passed: min(0.3, passed / 100))
    assert 145 < seconds < 170
    assert "no progress for 12" in sentence
    assert "at 30% of sending the last changes of web01" in sentence
    assert "What web01 wrote after the newest recovery point is missing at b" in sentence


def test_an_attempt_that_begins_again_and_again_is_no_progress(verbs):
    seconds, _sentence = seconds_of_a_failover(verbs, lambda passed: passed % 20 / 100)
    assert seconds < 170


def test_a_failover_waits_for_last_changes_that_come_but_not_longer_than_ten_minutes(verbs):
    seconds, sentence = seconds_of_a_failover(verbs, lambda passed: passed / 10_000)
    assert 600 <= seconds < 630
    assert "did not finish in 600 s" in sentence


def moves(verbs):
    """What of a machine's move was ordered, in that order."""
    of_a_move = {Kind.PRE_COPY, Kind.SHUT_DOWN, Kind.RUN_CYCLE, Kind.START_REPLICA}
    return [kind for _, kind, _ in verbs.appliances.given if kind in of_a_move]


@pytest.mark.parametrize("way", ["there", "home"])
def test_a_planned_failover_copies_shuts_down_sends_the_rest_and_starts_from_that(verbs, way):
    """S-083, S-145, S-146, S-224: no point that was there before will do, and nothing is sent before the
    guest is off."""
    verbs.protect()
    if way == "home":
        for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
            assert verbs.run(verb).job.state == "succeeded"
    machine = verbs.machine()
    before = {each.id for each in verbs.appliances.points[machine.id, machine.epoch]}
    verbs.appliances.given.clear()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    assert moves(verbs) == [Kind.PRE_COPY, Kind.SHUT_DOWN, Kind.RUN_CYCLE, Kind.START_REPLICA]
    newest = verbs.appliances.points[machine.id, machine.epoch][-1]
    assert newest.id not in before
    assert verbs.appliances.started[-1].point_id == newest.id
    assert verbs.appliances.running(machine.id) == [B if way == "there" else A]


@pytest.mark.parametrize(
    ("verb", "options", "force"),
    [(Verb.PLANNED_FAILOVER, {}, False), (Verb.FAILOVER, {"shut_down_source": True}, True)],
)
def test_only_in_need_is_a_guest_that_does_not_go_off_forced_off(verbs, verb, options, force):
    """S-150: the planned one fails instead, and takes itself back."""
    verbs.protect()
    assert verbs.run(verb, **options).job.state == "succeeded"
    assert [each.force for each in verbs.appliances.shut_downs] == [force]


def test_a_planned_failover_gives_nothing_up(verbs):
    verbs.protect()
    verbs.appliances.silent |= {Kind.RUN_CYCLE}
    began = verbs.clock.monotonic()
    job_id = verbs.submit(Verb.PLANNED_FAILOVER)
    while not verbs.tree(job_id).job.state.ended and verbs.clock.monotonic() - began < 1200:
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(60)
    assert not verbs.tree(job_id).job.state.ended, "it waits: nothing may be lost"
    assert verbs.settle(job_id).job.state == "failed"
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_machine_that_its_owner_starts_in_the_middle_of_a_move_is_said_to_have_been_started_and_brought_back(  # noqa: E501
    verbs,
):
    """The job only said that it had to be off, and to retry, which was refused."""
    verbs.protect()
    problem = errors.NotPossibleNow("web01 was off for its last cycle, and is running now.", do="Find out.")
    verbs.appliances.fail(Kind.RUN_CYCLE, problem=problem)
    job = verbs.run(Verb.PLANNED_FAILOVER).job
    assert job.error.message == (
        "web01 was off for its last cycle, and is running now. This move is undone by a job of its own, "
        "cancel-failover."
    )
    assert job.error.do == "Find out."
    assert [each.state for each in verbs.jobs(Verb.CANCEL_FAILOVER)] == ["succeeded"]
    assert verbs.machine().state is State.PROTECTED


@pytest.mark.parametrize(("kind", "restarts"), [(Kind.PRE_COPY, False), (Kind.SHUT_DOWN, True)])
def test_a_planned_failover_that_fails_before_it_shut_the_machine_down_starts_none_that_its_owner_has_off(
    verbs, kind, restarts
):
    verbs.protect()
    verbs.appliances.fail(kind)
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "failed"
    assert [job.state for job in verbs.jobs(Verb.CANCEL_FAILOVER)] == ["succeeded"]
    assert verbs.machine().state is State.PROTECTED
    assert ((A, Kind.RESTART, verbs.machine().id) in verbs.appliances.given) == restarts


@pytest.mark.parametrize("kind", [Kind.RUN_CYCLE, Kind.DRAIN, Kind.START_REPLICA])
@pytest.mark.parametrize("runs", [True, False])
def test_a_planned_failover_that_fails_leaves_a_machine_off_that_was_off_and_starts_one_that_ran(
    verbs, kind, runs
):
    verbs.protect()
    if not runs:
        verbs.appliances.copies.stop(verbs.machine().id, A)
    verbs.appliances.fail(kind)
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "failed"
    assert [job.state for job in verbs.jobs(Verb.CANCEL_FAILOVER)] == ["succeeded"]
    assert verbs.machine().state is State.PROTECTED
    assert verbs.appliances.running(verbs.machine().id) == ([A] if runs else [])


def test_a_machine_that_its_owner_started_after_the_check_runs_again(verbs, monkeypatch):
    verbs.protect()
    machine_id, ask = verbs.machine().id, verbs.appliances.ask
    verbs.appliances.copies.stop(machine_id, A)

    def started_meanwhile(appliance_id, order_id, kind, *given, **more):
        if kind is Kind.PRE_COPY:
            verbs.appliances.copies.run(machine_id, A)
        return ask(appliance_id, order_id, kind, *given, **more)

    monkeypatch.setattr(verbs.appliances, "ask", started_meanwhile)
    verbs.appliances.fail(Kind.DRAIN)
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "failed"
    assert verbs.appliances.running(machine_id) == [A]


@pytest.mark.parametrize("kind", [Kind.ACCEPT_CYCLES, Kind.DRAIN, Kind.START_REPLICA])
def test_a_failover_that_fails_at_the_target_leads_on_by_failover_or_by_cancel(verbs, kind):
    verbs.protect()
    for way in (Verb.FAILOVER, Verb.CANCEL_FAILOVER):
        verbs.appliances.fail(kind)
        assert verbs.run(Verb.FAILOVER).job.state == "failed"
        assert verbs.state() is State.FAILOVER_FAILED
        verbs.appliances.mend()
        assert verbs.run(way).job.state == "succeeded"
        if way is Verb.FAILOVER:
            assert verbs.state() is State.FAILED_OVER
            return
        assert verbs.state() is State.PROTECTED


def test_a_retry_of_a_failover_looks_at_everything_again(verbs):
    """What an earlier attempt found may no longer be true: hours may have passed."""
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    job = verbs.run(Verb.FAILOVER)
    assert job.job.state == "failed"
    verbs.source_says("off")
    verbs.appliances.given.clear()
    assert verbs.retry(job.job.id).job.state == "succeeded"
    assert verbs.state() is State.FAILED_OVER
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    assert (Kind.CHECK_TARGET in kinds, kinds[-1]) == (True, Kind.START_REPLICA)


def refused(verbs, job_id):
    """What a retry is refused with; nothing was ordered for it."""
    verbs.appliances.given.clear()
    with pytest.raises(Refused) as refusal:
        verbs.retry(job_id)
    assert verbs.appliances.given == []
    return refusal.value


STARTED_ANEW = "'secondsite machine failover web01 --while-running web01'"


@pytest.mark.parametrize("power", ["running", "paused", "elsewhere"])
def test_a_retry_of_a_failover_is_refused_while_the_machine_runs_at_its_source(verbs, power):
    """It was off, its failover failed in the start, and a person started it there again: the retry began a
    second copy, and asked nobody."""
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    job = verbs.run(Verb.FAILOVER).job
    verbs.source_says(power)
    refusal = refused(verbs, job.id)
    assert "The failover of web01 was not retried: it runs at a now" in refusal.message
    assert "With its copy at b two of it would write" in refusal.message
    assert "'secondsite machine cancel-failover web01' lets the machine go on at its old site" in refusal.do
    assert "planned-failover" not in refusal.do, "it is not possible in this state"
    assert STARTED_ANEW in refusal.do
    assert (verbs.state(), B in verbs.appliances.running(verbs.machine().id)) == (
        State.FAILOVER_FAILED,
        False,
    )


def test_a_retry_that_is_refused_names_the_planned_failover_where_that_is_possible(verbs):
    """Its first attempt failed in the check, and the machine was started at home meanwhile."""
    verbs.protect()
    verbs.appliances.away.add(B)
    job = unmoved(verbs, Verb.FAILOVER, State.PROTECTED).job
    verbs.appliances.mend()
    refusal = refused(verbs, job.id)
    assert "Move without loss: 'secondsite machine planned-failover web01'." in refusal.do
    assert STARTED_ANEW in refusal.do
    verbs.source_says("elsewhere")
    assert "Stop it at a first; then 'secondsite machine failover web01'." in refused(verbs, job.id).do
    with verbs.store.transaction() as tx:
        there = tx.statuses.without_points(verbs.machine().id).replica
        tx.statuses.put_replica(there.model_copy(update={"runs": ("failover",)}), verbs.clock.now())
    beside_a_copy = refused(verbs, job.id).do
    assert "if the copy at b is in use, shut the old copy down" in beside_a_copy
    assert "planned-failover" not in beside_a_copy, "that is refused, and sends one back"
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded", "typed anew it is asked about before"


def test_a_retry_asks_nothing_of_a_source_that_cannot_be_reached(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    job = verbs.run(Verb.FAILOVER).job
    verbs.appliances.away.add(A)
    assert verbs.retry(job.id).job.state == "succeeded"


def test_a_retry_of_a_failover_that_shuts_its_source_down_is_not_refused_for_it(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    job = verbs.run(Verb.FAILOVER, shut_down_source=True).job
    assert verbs.retry(job.id).job.state == "succeeded"
    assert verbs.appliances.running(verbs.machine().id) == [B]


def test_a_retry_of_a_batch_starts_no_second_copy_and_says_of_which_machine(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.fail(Kind.START_REPLICA, times=2)
    batch = verbs.run(Verb.FAILOVER, "web01", "db01").job
    verbs.source_says("off", "db01")
    tree = verbs.retry(batch.id)
    assert tree.job.state == "partially_succeeded"
    (failed,) = [each for each in tree.children if each.job.subject_name == "web01"]
    assert "web01 was not retried: it runs at a now" in failed.job.error.message
    assert STARTED_ANEW in failed.job.error.do
    assert (verbs.state("web01"), verbs.state("db01")) == (State.FAILOVER_FAILED, State.FAILED_OVER)
    assert B not in verbs.appliances.running(verbs.machine("web01").id)
    again = verbs.retry(failed.job.id).job  # by its own id
    assert (again.state, B in verbs.appliances.running(verbs.machine("web01").id)) == ("failed", False)


def test_a_retry_is_as_careful_with_machines_that_the_first_attempt_did_not_come_to(verbs):
    """As of a batch that was held before it began, and given up: its jobs are new, but nobody was asked
    today."""
    verbs.protect("web01", "db01")
    job_id = verbs.submit(Verb.FAILOVER, "web01", "db01")
    with verbs.store.transaction() as tx:
        journal.change_job(tx.session, job_id, state=JobState.FAILED)
    verbs.source_says("off", "db01")
    assert verbs.retry(job_id).job.state == "partially_succeeded"
    assert (verbs.state("web01"), verbs.state("db01")) == (State.PROTECTED, State.FAILED_OVER)


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_check_that_finds_a_copy_which_another_command_takes_over_promises_nothing_of_a_retry(verbs, verb):
    verbs.protect()
    take_over = (
        "If that copy is the machine that you need, take it over: 'secondsite machine failover web01'."
    )
    verbs.appliances.obstacles = (ObstacleShape(what="Its copy is here.", do=take_over),)
    said = verbs.run(verb).job.error.do
    assert said == "Type what is named instead: a retry of this job would be refused again."
    verbs.appliances.obstacles = (ObstacleShape(what="No memory there.", do="Free some."),)
    assert verbs.run(verb).job.error.do == "Fix what is named, then retry the job."


def test_a_retry_of_a_change_of_the_point_does_not_give_up_what_was_written_for_a_start_that_cannot_be(verbs):
    """The first attempt failed and was undone: the old point ran again, for days."""
    failed_over(verbs)
    point = verbs.appliances.points[verbs.machine().id, 1][0].id
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    job = verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point).job
    assert (job.state, verbs.state()) == ("failed", State.FAILED_OVER)
    verbs.appliances.obstacles = (ObstacleShape(what="No memory there.", do="Free some."),)
    verbs.appliances.given.clear()
    again = verbs.retry(job.id).job
    assert (again.state, again.error.code) == ("failed", "prerequisite-failed")
    assert Kind.STOP_REPLICA not in [kind for _, kind, _ in verbs.appliances.given]


def test_a_change_of_the_point_is_refused_while_another_host_has_the_machine_s_disks_open(verbs):
    """Its definition was removed first, and then its overlays could not be."""
    failed_over(verbs)
    point = verbs.appliances.points[verbs.machine().id, 1][0].id
    verbs.appliances.open_elsewhere.add(B)
    refusal = unmoved(verbs, Verb.CHANGE_RECOVERY_POINT, State.FAILED_OVER, point=point).job.error
    assert "another host that reaches the store, has its disks open" in refusal.message
    assert "Look for it at the other hosts" in refusal.do
    verbs.appliances.open_elsewhere.clear()
    assert verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point).job.state == "succeeded"


def test_what_has_succeeded_in_part_is_not_retried(verbs):
    """A change of the point whose script was missing was retried days later, failed at its check, and its
    first attempt was undone: the machine ran from the older point again."""
    failed_over(verbs)
    point = verbs.appliances.points[verbs.machine().id, 1][0].id
    job = verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point).job
    with verbs.store.transaction() as tx:
        journal.change_job(tx.session, job.id, state=JobState.PARTIALLY_SUCCEEDED)
    verbs.appliances.given.clear()
    with pytest.raises(Refused, match="has gone on since"):
        verbs.retry(job.id)
    assert verbs.appliances.given == []


def test_failover_without_any_point_says_so_and_leads_on(verbs):
    verbs.protect()
    verbs.appliances.points.clear()
    job = verbs.run(Verb.FAILOVER)
    assert job.job.state == "failed"
    assert "no recovery point" in job.job.error.message
    assert verbs.state() is State.PROTECTED


# ---- a check that fails ------------------------------------------------------------------------------------


def unmoved(verbs, verb, state, **arguments):
    """A job whose check fails; the machine is as before, and nothing was ordered but looks."""
    verbs.appliances.given.clear()
    assert verbs.state() is state
    job = verbs.run(verb, **arguments)
    assert job.job.state == "failed"
    assert said(job, "Prerequisites check").state == "failed"
    assert (verbs.state(), verbs.machine().job_id) == (state, None)
    looks = {Kind.LIST_POINTS, Kind.FIND_INSTANT, Kind.POWER, Kind.DISCOVER}
    looks |= {Kind.CHECK_SOURCE, Kind.CHECK_TARGET}
    assert {kind for _, kind, _ in verbs.appliances.given} <= looks
    return job


def test_a_failover_to_a_point_that_its_target_has_no_more_leaves_the_machine_protected(verbs):
    verbs.protect()
    machine = verbs.machine()
    gone = verbs.appliances.points[machine.id, machine.epoch].pop(0)
    job = unmoved(verbs, Verb.FAILOVER, State.PROTECTED, point=gone.id)
    assert gone.id in job.job.error.message


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.TEST_FAILOVER])
def test_a_point_that_the_machine_has_not_is_refused_before_there_is_a_job(verbs, verb):
    verbs.protect()
    before = len(verbs.jobs(verb))
    with pytest.raises(errors.NotFound, match="web01 has no recovery point"):
        verbs.run(verb, point="20200101T000000Z-1.1")
    assert len(verbs.jobs(verb)) == before


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_target_that_is_away_leaves_the_machine_protected_and_the_job_can_be_retried(verbs, verb):
    verbs.protect()
    verbs.appliances.away.add(B)
    job = unmoved(verbs, verb, State.PROTECTED)
    assert verbs.jobs(Verb.CANCEL_FAILOVER) == [], "there is nothing to take back"
    verbs.appliances.mend()
    verbs.source_says("off")
    assert verbs.retry(job.job.id).job.state == "succeeded"
    assert verbs.appliances.copies.two == []


def test_a_planned_failover_without_its_source_leaves_the_machine_protected(verbs):
    verbs.protect()
    verbs.appliances.away.add(A)
    unmoved(verbs, Verb.PLANNED_FAILOVER, State.PROTECTED)


def test_a_cancel_without_its_source_leaves_the_machine_failed_over(verbs):
    planned_failed_over(verbs)
    verbs.appliances.away.add(A)
    unmoved(verbs, Verb.CANCEL_FAILOVER, State.PLANNED_FAILED_OVER)
    verbs.appliances.mend()
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.CANCEL_FAILOVER])
def test_a_check_that_fails_after_a_failed_failover_leaves_it_failed(verbs, verb):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    verbs.run(Verb.FAILOVER)
    verbs.appliances.away |= {A, B}
    unmoved(verbs, verb, State.FAILOVER_FAILED)


# ---- planned failover and its cancel -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        Kind.PRE_COPY,
        Kind.SHUT_DOWN,
        Kind.RUN_CYCLE,
        Kind.ACCEPT_CYCLES,
        Kind.DRAIN,
        Kind.START_REPLICA,
    ],
)
def test_a_planned_failover_that_fails_takes_itself_back(verbs, kind):
    verbs.protect()
    verbs.appliances.fail(kind, times=1)
    job = verbs.run(Verb.PLANNED_FAILOVER)
    assert job.job.state == "failed"
    (cancel,) = verbs.jobs(Verb.CANCEL_FAILOVER)
    assert cancel.state == "succeeded"
    assert verbs.state() is State.PROTECTED
    assert verbs.machine().job_id is None
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_planned_failover_onto_damaged_data_takes_itself_back(verbs):
    verbs.protect()
    verbs.appliances.damages = True
    job = verbs.run(Verb.PLANNED_FAILOVER)
    assert "stands on damaged data" in job.job.error.message
    assert verbs.state() is State.PROTECTED
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_target_that_dies_before_it_was_told_to_start_the_machine_is_not_waited_for(verbs):
    """S-204: the machine is off, and the site may never return."""
    verbs.protect()

    def target_dies(kind):
        assert kind is Kind.SHUT_DOWN
        verbs.appliances.away.add(B)

    verbs.appliances.at_order(4, target_dies)
    job_id = verbs.submit(Verb.PLANNED_FAILOVER)
    for _ in range(60):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(5)
    assert verbs.tree(job_id).job.state == "failed"
    assert verbs.state() is State.PROTECTED
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_cancel_that_fails_is_retried_by_hand(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA)
    verbs.appliances.fail(Kind.RESTART)
    verbs.run(Verb.PLANNED_FAILOVER)
    assert verbs.state() is State.CANCEL_FAILED
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "failed"
    assert verbs.state() is State.CANCEL_FAILED
    verbs.appliances.mend()
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    assert verbs.state() is State.PROTECTED
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_cancel_that_fails_because_the_source_died_leads_on_by_failover(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    verbs.appliances.fail(Kind.RESTART)
    verbs.run(Verb.PLANNED_FAILOVER)
    assert verbs.state() is State.CANCEL_FAILED
    verbs.appliances.mend()
    verbs.appliances.away.add(A)
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    assert verbs.state() is State.FAILED_OVER


def left_off_at_both_sites(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA)
    verbs.appliances.fail(Kind.RESTART)
    verbs.run(Verb.PLANNED_FAILOVER)
    assert verbs.state() is State.CANCEL_FAILED
    verbs.appliances.mend()
    assert verbs.appliances.running(verbs.machine().id) == []


@pytest.mark.parametrize("brings_up", [Verb.CANCEL_FAILOVER, Verb.FAILOVER])
@pytest.mark.parametrize("away", [None, A, B])
def test_a_machine_that_runs_nowhere_keeps_its_protection_until_it_was_brought_up(verbs, brings_up, away):
    """S-057: the record would be gone, and with it who starts the machine."""
    left_off_at_both_sites(verbs)
    if away is not None:
        verbs.appliances.away.add(away)
    job = verbs.run(Verb.DISABLE_PROTECTION).job
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "runs nowhere, as far as is known" in job.error.message
    assert "cancel-failover web01" in job.error.do
    assert "failover web01" in job.error.do
    assert verbs.state() is State.CANCEL_FAILED
    assert verbs.appliances.removed == []
    verbs.appliances.away.clear()
    assert verbs.run(brings_up).job.state == "succeeded"
    assert len(verbs.appliances.running(verbs.machine().id)) == 1
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    assert verbs.machine() is None


def test_a_machine_that_its_owner_shut_down_can_be_unprotected(verbs):
    verbs.protect()
    verbs.appliances.copies.stop(verbs.machine().id, A)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"


def test_the_new_copy_goes_before_the_old_one_starts_again(verbs):
    planned_failed_over(verbs)
    verbs.appliances.given.clear()
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    assert kinds.index(Kind.STOP_REPLICA) < kinds.index(Kind.RESTART)


@pytest.mark.parametrize(
    ("before", "verb"),
    [(Verb.PLANNED_FAILOVER, Verb.CANCEL_FAILOVER), (Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER)],
)
def test_a_copy_may_take_minutes_to_stop(verbs, before, verb):
    verbs.protect()
    verbs.run(before)
    verbs.appliances.silent.add(Kind.STOP_REPLICA)
    job_id = verbs.submit(verb)
    for _ in range(25):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(10)
    verbs.appliances.mend()
    assert verbs.settle(job_id).job.state == "succeeded"


# ---- enable ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [Kind.DISCOVER, Kind.CHECK_SOURCE, Kind.CHECK_TARGET, Kind.PREPARE_REPLICA, Kind.START_REPLICATION],
)
def test_an_enable_that_fails_undoes_all_and_leaves_no_record(verbs, kind):
    verbs.appliances.fail(kind, times=1)
    job = verbs.run(Verb.ENABLE_PROTECTION)
    assert job.job.state == "failed"
    assert verbs.machine() is None
    given = [each for _, each, _ in verbs.appliances.given]
    if kind in (Kind.PREPARE_REPLICA, Kind.START_REPLICATION):
        assert Kind.REMOVE_REPLICA in given
    if kind is Kind.START_REPLICATION:
        assert given.index(Kind.STOP_REPLICATION) < given.index(Kind.REMOVE_REPLICA)
    assert verbs.run(Verb.ENABLE_PROTECTION).job.state == "succeeded"


def test_a_failed_enable_is_retried(verbs):
    verbs.appliances.fail(Kind.START_REPLICATION, times=1)
    job = verbs.run(Verb.ENABLE_PROTECTION)
    assert verbs.retry(job.job.id).job.state == "succeeded"
    assert verbs.state() is State.PROTECTED


def undo_failed(verbs, kind):
    verbs.appliances.fail(Kind.START_REPLICATION, times=1)
    verbs.appliances.fail(kind, times=1)
    job = verbs.run(Verb.ENABLE_PROTECTION)
    assert (job.job.state, verbs.state()) == ("failed", State.DISABLE_FAILED)
    return job.job.id, len(verbs.appliances.given)


@pytest.mark.parametrize("kind", [Kind.STOP_REPLICATION, Kind.REMOVE_REPLICA])
def test_an_enable_whose_undo_failed_is_undone_by_its_retry(verbs, kind):
    job, given = undo_failed(verbs, kind)
    verbs.retry(job)
    assert verbs.machine() is None
    assert verbs.appliances.given[-1][1] is Kind.REMOVE_REPLICA
    assert len(verbs.appliances.given) > given
    assert verbs.retry(job).job.state == "succeeded"
    assert verbs.state() is State.PROTECTED


@pytest.mark.parametrize("kind", [Kind.STOP_REPLICATION, Kind.REMOVE_REPLICA])
def test_an_enable_whose_undo_failed_is_ended_by_disable_protection(verbs, kind):
    job, given = undo_failed(verbs, kind)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    assert verbs.machine() is None
    kinds = [each for _, each, _ in verbs.appliances.given[given:]]
    assert {Kind.STOP_REPLICATION, Kind.REMOVE_REPLICA} <= set(kinds)
    assert verbs.run(Verb.ENABLE_PROTECTION).job.state == "succeeded"
    verbs.retry(job)
    assert verbs.state() is State.PROTECTED


def test_the_undo_of_an_enable_takes_no_machine_from_the_disable_that_came_later(verbs):
    job, _ = undo_failed(verbs, Kind.REMOVE_REPLICA)
    verbs.appliances.silent.add(Kind.REMOVE_REPLICA)
    later = verbs.submit(Verb.DISABLE_PROTECTION)
    verbs.engine.run_until_idle()
    with verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job)
    verbs.engine.run_until_idle()
    assert verbs.state() is State.DISABLING
    verbs.appliances.mend()
    assert verbs.settle(later).job.state == "succeeded"
    assert verbs.machine() is None


# ---- points, drills, reprotect, disable --------------------------------------------------------------------


@pytest.mark.slow
def test_a_change_of_point_that_fails_starts_the_old_one_again(verbs):
    failed_over(verbs)
    machine = verbs.machine()
    older = verbs.appliances.points[machine.id, 1][0]
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    job = verbs.run(Verb.CHANGE_RECOVERY_POINT, point=older.id)
    assert job.job.state == "failed"
    assert verbs.machine().failed_over_point_id == machine.failed_over_point_id
    assert verbs.state() is State.FAILED_OVER
    assert B in verbs.appliances.running(machine.id)


def test_a_failover_to_a_time_rolls_its_point_forward_and_a_change_that_fails_goes_back_there(verbs):
    verbs.protect()
    verbs.clock.pass_by(30)
    at = verbs.clock.now()
    job = verbs.run(Verb.FAILOVER, at=at)
    assert job.job.state == "succeeded"
    machine = verbs.machine()
    point = verbs.appliances.points[machine.id, 1][0]
    assert machine.failed_over_point_id == point.id
    assert machine.failed_over_forward.taken_at == at
    assert verbs.appliances.started[-1].forward == machine.failed_over_forward
    assert datetime.fromisoformat(said(job, "Failover").facts["taken_at"]) == at

    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    assert verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point.id).job.state == "failed"
    assert verbs.machine().failed_over_forward == machine.failed_over_forward
    assert verbs.appliances.started[-1].forward == machine.failed_over_forward
    verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point.id)
    assert verbs.machine().failed_over_forward is None
    verbs.run(Verb.CHANGE_RECOVERY_POINT, at=at)
    assert verbs.machine().failed_over_forward.taken_at == at
    verbs.run(Verb.COMMIT)
    verbs.run(Verb.REPROTECT)
    assert verbs.machine().failed_over_forward is None


@pytest.mark.parametrize("more", [{"point": "p"}, {"choice": RecoveryPointChoice.LATEST_APP_CONSISTENT}])
@pytest.mark.parametrize("verb", [Verb.TEST_FAILOVER, Verb.FAILOVER])
def test_a_time_and_a_point_or_choice_exclude_each_other(verbs, verb, more):
    verbs.protect()
    with pytest.raises(errors.InvalidArgument, match="together with"):
        verbs.submit(verb, at=verbs.clock.now(), **more)


def test_a_time_may_be_given_for_several_machines(verbs):
    for name in ("web01", "db01"):
        verbs.run(Verb.ENABLE_PROTECTION, name)
    verbs.run(Verb.FAILOVER, "web01", "db01", at=verbs.clock.now())
    assert {payload.forward is not None for payload in verbs.appliances.started} == {True}
    assert len(verbs.appliances.started) == 2


def test_a_drill_that_fails_leaves_no_test_machine_and_no_network(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    assert verbs.run(Verb.TEST_FAILOVER).job.state == "failed"
    assert verbs.machine().drill_state is DrillState.NONE
    given = [each for _, each, _ in verbs.appliances.given]
    assert given.index(Kind.STOP_REPLICA) < given.index(Kind.REMOVE_NETWORK)
    assert verbs.run(Verb.TEST_FAILOVER).job.state == "succeeded"


def test_a_cleanup_that_fails_is_repeatable(verbs):
    verbs.protect()
    verbs.run(Verb.TEST_FAILOVER)
    verbs.appliances.fail(Kind.REMOVE_NETWORK, times=1)
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER).job.state == "failed"
    assert verbs.machine().drill_state is DrillState.CLEANUP_FAILED
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER, notes="fine").job.state == "succeeded"
    assert verbs.machine().drill is None


def test_a_target_that_gets_a_full_copy_is_asked_for_room_for_it(verbs):
    occupied = verbs.appliances.occupied_bytes
    verbs.protect()
    assert verbs.appliances.checked.needed_bytes == occupied
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.fail(Kind.WITHDRAW, times=1)
    verbs.run(Verb.REPROTECT)
    assert verbs.appliances.checked.needed_bytes == 0  # onto its old disks: only changes travel
    verbs.run(Verb.REPROTECT, location="alternate")
    assert verbs.appliances.checked.needed_bytes == occupied


def test_a_source_of_the_first_release_says_nothing_of_room_and_is_not_refused(verbs):
    verbs.appliances.occupied_bytes = None
    verbs.protect()
    assert verbs.appliances.checked.needed_bytes == 0


@pytest.mark.parametrize(
    "kind", [Kind.CHECK_SOURCE, Kind.WITHDRAW, Kind.PREPARE_REPLICA, Kind.START_REPLICATION]
)
def test_a_reprotect_that_fails_can_be_tried_again(verbs, kind):
    committed(verbs)
    verbs.appliances.fail(kind, times=1)
    assert verbs.run(Verb.REPROTECT).job.state == "failed"
    machine = verbs.machine()
    assert (machine.state, machine.source_site, machine.epoch) == (State.COMMITTED, "a", 1)
    assert verbs.run(Verb.REPROTECT).job.state == "succeeded"
    machine = verbs.machine()
    assert (machine.state, machine.source_site, machine.epoch) == (State.PROTECTED, "b", 2)


def test_disable_does_not_wait_for_a_source_that_is_gone(verbs):
    verbs.protect()
    verbs.appliances.away.add(A)
    began = verbs.clock.monotonic()
    job = verbs.submit(Verb.DISABLE_PROTECTION)
    while not verbs.tree(job).job.state.ended:
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    assert verbs.tree(job).job.state == "succeeded"
    assert verbs.clock.monotonic() - began < 60
    assert verbs.machine() is None


def test_a_disable_that_fails_is_repeatable(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.REMOVE_REPLICA, times=1)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "failed"
    assert verbs.state() is State.DISABLE_FAILED
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"


# ---- several machines, refusals ----------------------------------------------------------------------------


def test_a_batch_with_one_machine_that_fails_is_partially_succeeded(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db01").id)
    job = verbs.run(Verb.FAILOVER, "web01", "db01")
    assert job.job.state == "partially_succeeded"
    assert (verbs.state("web01"), verbs.state("db01")) == (State.FAILED_OVER, State.FAILOVER_FAILED)
    assert sorted(child.job.state for child in job.children) == ["failed", "succeeded"]


def test_verbs_that_the_state_does_not_allow_are_refused_by_name(verbs):
    verbs.protect()
    with pytest.raises(errors.NotPossibleNow, match="commit") as refused:
        verbs.submit(Verb.COMMIT)
    assert "planned_failover" in f"{refused.value.message} {refused.value.do}"
    assert len(verbs.jobs()) == 1


def test_a_verb_that_is_under_way_is_not_taken_twice(verbs):
    verbs.protect()
    first = verbs.submit(Verb.PLANNED_FAILOVER)
    with pytest.raises(errors.NotPossibleNow):
        verbs.submit(Verb.PLANNED_FAILOVER)
    with pytest.raises(errors.NotPossibleNow):
        verbs.submit(Verb.FAILOVER)
    assert verbs.settle(first).job.state == "succeeded"


def test_a_drill_that_is_under_way_is_not_taken_twice(verbs):
    verbs.protect()
    first = verbs.submit(Verb.TEST_FAILOVER)
    with pytest.raises(errors.NotPossibleNow):
        verbs.submit(Verb.TEST_FAILOVER)
    assert verbs.settle(first).job.state == "succeeded"


def test_one_machine_enabled_by_two_jobs_is_protected_once(verbs):
    first, second = verbs.submit(Verb.ENABLE_PROTECTION), verbs.submit(Verb.ENABLE_PROTECTION)
    states = sorted(verbs.settle(each).job.state for each in (first, second))
    assert states == ["failed", "succeeded"]
    assert verbs.state() is State.PROTECTED


def test_an_unknown_machine_is_refused_before_a_job_exists(verbs):
    with pytest.raises(errors.NotFound):
        verbs.submit(Verb.FAILOVER, "nobody")
    assert not verbs.jobs()


def test_a_source_that_was_away_while_protection_ended_is_told_when_it_returns(verbs):
    verbs.protect()
    machine_id = verbs.machine().id
    verbs.appliances.away.add(A)
    job = verbs.submit(Verb.DISABLE_PROTECTION)
    while not verbs.tree(job).job.state.ended:
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    assert verbs.tree(job).job.state == "succeeded"
    assert (A, Kind.STOP_REPLICATION, machine_id) not in verbs.appliances.given
    verbs.clock.pass_by(86400)
    verbs.appliances.mend()
    verbs.rest()
    assert (A, Kind.STOP_REPLICATION, machine_id) in verbs.appliances.given


# ---- disks -------------------------------------------------------------------------------------------------


def added(verbs, key="vdc"):
    """The owner gives web01 one disk more."""
    first, *others = verbs.appliances.inventory
    disk = first.disks[0].model_copy(update={"key": key})
    verbs.appliances.inventory = [first.model_copy(update={"disks": (*first.disks, disk)}), *others]


def test_a_disk_that_was_added_is_included_and_the_choice_is_on_record(verbs):
    verbs.protect()
    added(verbs)
    assert verbs.run(Verb.INCLUDE_DISK, disks=("vdc",)).job.state == "succeeded"
    machine = verbs.machine()
    assert machine.disks == ("vda", "vdb", "vdc")
    assert (machine.state, machine.job_id) == (State.PROTECTED, None)
    setup = verbs.appliances.setups[machine.id]
    assert (setup.disks, setup.left_out, setup.epoch) == (machine.disks, (), machine.epoch)


def test_an_excluded_disk_is_left_out_by_choice_and_can_be_included_again(verbs):
    verbs.protect()
    assert verbs.run(Verb.EXCLUDE_DISK, disks=("vdb",)).job.state == "succeeded"
    machine = verbs.machine()
    assert (machine.disks, machine.left_out) == (("vda",), ("vdb",))
    assert verbs.appliances.setups[machine.id].left_out == ("vdb",)
    assert verbs.run(Verb.INCLUDE_DISK, disks=("vdb",)).job.state == "succeeded"
    assert (verbs.machine().disks, verbs.machine().left_out) == (("vda", "vdb"), ())


def test_a_choice_about_one_disk_decides_nothing_about_another_that_appeared(verbs):
    verbs.protect()
    added(verbs, "vdc")
    added(verbs, "vdd")
    verbs.run(Verb.INCLUDE_DISK, disks=("vdc",))
    setup = verbs.appliances.setups[verbs.machine().id]
    assert "vdd" not in (*setup.disks, *setup.left_out)


def test_a_disk_that_is_gone_can_be_excluded_and_a_later_one_of_its_name_is_new(verbs):
    verbs.protect()
    first, *others = verbs.appliances.inventory
    verbs.appliances.inventory = [first.model_copy(update={"disks": first.disks[:1]}), *others]
    assert verbs.run(Verb.EXCLUDE_DISK, disks=("vdb",)).job.state == "succeeded"
    assert (verbs.machine().disks, verbs.machine().left_out) == (("vda",), ())


@pytest.mark.parametrize(
    ("verb", "disks", "reason"),
    [
        (Verb.INCLUDE_DISK, ("vda",), errors.AlreadyExists),
        (Verb.EXCLUDE_DISK, ("vda", "vdb"), errors.InvalidArgument),
    ],
)
def test_a_choice_of_disks_that_makes_no_sense_is_refused_at_once(verbs, verb, disks, reason):
    verbs.protect()
    with pytest.raises(reason):
        verbs.submit(verb, disks=disks)


def test_a_disk_that_the_machine_has_not_cannot_be_included(verbs):
    verbs.protect()
    job = verbs.run(Verb.INCLUDE_DISK, disks=("vdx",))
    assert job.job.state == "failed"
    assert "has no disk vdx" in str(said(job, "Prerequisites check").error)
    assert verbs.machine().job_id is None


def test_a_failover_takes_the_machine_from_a_job_that_includes_a_disk(verbs):
    verbs.protect()
    added(verbs)
    verbs.appliances.silent.add(Kind.CHECK_SOURCE)
    including = verbs.submit(Verb.INCLUDE_DISK, disks=("vdc",))
    verbs.engine.run_until_idle()
    failing_over = verbs.submit(Verb.FAILOVER)
    verbs.appliances.mend()
    verbs.settle(failing_over)
    assert verbs.settle(including).job.state == "failed"
    assert verbs.state() is State.FAILED_OVER
    assert verbs.machine().disks == ("vda", "vdb")
    assert verbs.appliances.setups[verbs.machine().id].disks == ("vda", "vdb")


def test_disks_that_were_added_at_the_other_site_are_not_sent_back(verbs):
    """S-169"""
    committed(verbs)
    added(verbs)
    assert verbs.run(Verb.REPROTECT).job.state == "succeeded"
    machine = verbs.machine()
    assert verbs.appliances.setups[machine.id].disks == machine.disks == ("vda", "vdb")


# ---- a commit, and one that ended half way
# ------------------------------------------------------------------


def test_the_commit_of_a_failback_removes_the_machine_that_was_left_and_no_other_commit_does(verbs):
    """S-164"""
    committed(verbs)
    removal = (B, Kind.REMOVE_MACHINE, verbs.machine().id)
    assert Kind.REMOVE_MACHINE not in [kind for _, kind, _ in verbs.appliances.given]
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    assert removal not in verbs.appliances.given
    job = verbs.run(Verb.COMMIT)
    assert said(job, "Remove the machine that was left").state == "succeeded"
    assert removal in verbs.appliances.given
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_failover_whose_commit_has_begun_is_not_cancelled_and_can_still_be_committed(verbs):
    """Else a cancel that cannot succeed leads to where no commit is offered."""
    verbs.protect()
    verbs.run(Verb.PLANNED_FAILOVER)
    machine = verbs.machine()
    with verbs.store.transaction() as tx:
        replica = tx.statuses.get(machine.id).replica
        fixed = [
            point.model_copy(update={"committed": point.id == machine.failed_over_point_id})
            for point in replica.points
        ]
        tx.statuses.put_replica(replica.model_copy(update={"points": tuple(fixed)}), verbs.clock.now())
    assert "has begun" in verbs.run(Verb.CANCEL_FAILOVER).job.error.message
    assert verbs.state() is State.PLANNED_FAILED_OVER
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"


@pytest.mark.parametrize(
    ("power", "words"),
    [
        ("off", "a keeps its machine, off, for"),
        ("running", "a keeps its machine, which was last heard to be running, for"),
    ],
)
def test_a_commit_says_of_the_machine_that_is_left_what_was_heard_last(verbs, power, words):
    failed_over(verbs)
    with verbs.store.transaction() as tx:
        tx.statuses.put_source(source_status(verbs.machine().id, power=power), verbs.clock.now())
    job = verbs.run(Verb.COMMIT)
    assert words in said(job, "Remove the machine that was left").sentence


def test_a_machine_that_is_named_twice_by_its_name_and_its_id_has_one_job(verbs):
    verbs.protect("web01")
    verbs.run(Verb.FAILOVER, "web01", verbs.machine().id)
    (job,) = verbs.jobs(Verb.FAILOVER)
    assert (job.state, job.parent_job_id) == ("succeeded", None)


def test_a_cleanup_by_itself_that_cannot_reach_its_site_names_the_verb_that_cleans_up(verbs):
    """The test failover itself can then be neither retried nor started again."""
    verbs.protect("web01")
    verbs.appliances.at_order(0, lambda kind: gone_at(verbs, kind))
    job = verbs.run(Verb.TEST_FAILOVER, "web01", clean_up=True).job
    assert (job.state, job.error.code) == ("failed", "appliance-unreachable")
    assert "'secondsite machine cleanup-test-failover web01 --without-site b'" in job.error.do
    verbs.appliances.mend()
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER, "web01").job.state == "succeeded"


def gone_at(verbs, kind):
    """The target's site is away as soon as it is to remove the test machine."""
    if kind is Kind.STOP_REPLICA:
        verbs.appliances.away.add(B)
    else:
        verbs.appliances.at_order(0, lambda kind: gone_at(verbs, kind))
