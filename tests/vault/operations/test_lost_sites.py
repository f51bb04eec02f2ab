"""From every state, with either site gone for ever, a way leads on; and what was left undone there is done
if it returns."""

from dataclasses import replace

import pytest

from secondsite.domain import errors, lifecycle
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import SourceStatus
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

pytestmark = pytest.mark.slow

SITE = {A: "a", B: "b"}


def gone(verbs, appliance):
    verbs.appliances.away.add(appliance)


def ended(verbs, verb, **arguments):
    """The job once it has ended; what waits for a site goes on waiting."""
    job_id = verbs.submit(verb, **arguments)
    for _ in range(500):
        if verbs.tree(job_id).job.state.ended:
            break
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    return verbs.tree(job_id)


def succeeded(verbs, verb, **arguments):
    job = ended(verbs, verb, **arguments)
    assert job.job.state == "succeeded", job.job.error
    return job


def returned(verbs):
    """The site is back; what was given there since."""
    verbs.appliances.given.clear()
    verbs.appliances.mend()
    verbs.rest()
    return verbs.appliances.given


def failed_home(verbs):
    """The machine came home to a by a planned failback, and b is gone."""
    verbs.protect()
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    machine = verbs.machine()
    assert (machine.source_site, machine.target_site) == ("b", "a")
    assert verbs.appliances.running(machine.id) == [A]
    gone(verbs, B)
    return machine


# ---- commit ------------------------------------------------------------------------------------------------


def test_a_failback_is_committed_without_the_site_that_was_left(verbs):
    machine = failed_home(verbs)
    refusal = ended(verbs, Verb.COMMIT).job.error
    assert "--without-site b" in refusal.do
    assert verbs.state() is State.PLANNED_FAILED_OVER
    job = succeeded(verbs, Verb.COMMIT, without_site="b")
    assert (
        "without site b: web01 and its disks there are lost"
        in said(job, "Remove the machine that was left").sentence
    )
    assert verbs.state() is State.COMMITTED
    assert verbs.appliances.running(machine.id) == [A]
    assert returned(verbs) == [(B, Kind.REMOVE_MACHINE, machine.id)]
    assert verbs.run(Verb.REPROTECT).job.state == "succeeded"


def test_what_was_left_undone_is_not_done_once_a_later_job_has_taken_the_machine(verbs):
    machine = failed_home(verbs)
    succeeded(verbs, Verb.COMMIT, without_site="b")
    job_id = verbs.submit(Verb.REPROTECT)
    verbs.appliances.mend()
    verbs.settle(job_id)
    assert (B, Kind.REMOVE_MACHINE, machine.id) not in verbs.appliances.given


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_failover_whose_target_is_destroyed_is_committed_and_ended_without_it(verbs, verb):
    verbs.protect()
    assert verbs.run(verb).job.state == "succeeded"
    gone(verbs, B)
    job = succeeded(verbs, Verb.COMMIT, without_site="b")
    assert "what web01 wrote there since the failover is lost" in said(job, "Commit").sentence
    succeeded(verbs, Verb.DISABLE_PROTECTION, without_site="b")
    assert verbs.machine() is None
    assert (A, Kind.STOP_REPLICATION) in {given[:2] for given in verbs.appliances.given}


def test_a_failback_whose_target_is_destroyed_keeps_the_machine_that_was_left(verbs):
    verbs.protect()
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    gone(verbs, A)
    job = succeeded(verbs, Verb.COMMIT, without_site="a")
    assert "only one that is left" in said(job, "Remove the machine that was left").sentence
    assert Kind.REMOVE_MACHINE not in {kind for _, kind, _ in verbs.appliances.given}


# ---- disable -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [None, Verb.DISABLE_PROTECTION])
def test_protection_ends_without_its_target_and_the_machine_is_protected_anew(verbs, first):
    verbs.protect()
    machine = verbs.machine()
    gone(verbs, B)
    if first:
        assert "--without-site b" in ended(verbs, first).job.error.do
        assert verbs.state() is State.DISABLE_FAILED
    job = succeeded(verbs, Verb.DISABLE_PROTECTION, without_site="b")
    assert "its recovery points there are lost" in said(job, "Remove replica").sentence
    assert verbs.machine() is None
    assert returned(verbs) == [(B, Kind.REMOVE_REPLICA, machine.id)]
    assert verbs.run(Verb.ENABLE_PROTECTION).job.state == "succeeded"


def test_protection_ends_without_both_its_sites(verbs):
    verbs.protect()
    gone(verbs, A)
    gone(verbs, B)
    succeeded(verbs, Verb.DISABLE_PROTECTION, without_site="b")
    assert verbs.machine() is None


def test_a_drill_is_cleaned_up_without_its_target_and_protection_can_end(verbs):
    verbs.protect()
    verbs.run(Verb.TEST_FAILOVER)
    gone(verbs, B)
    succeeded(verbs, Verb.CLEANUP_TEST_FAILOVER, without_site="b")
    assert verbs.machine().drill_state is DrillState.NONE
    succeeded(verbs, Verb.DISABLE_PROTECTION, without_site="b")


def test_a_clean_up_that_was_left_for_later_stops_no_newer_drill(verbs):
    """Its machine has the same id."""
    verbs.protect()
    assert verbs.run(Verb.TEST_FAILOVER).job.state == "succeeded"
    gone(verbs, B)
    succeeded(verbs, Verb.CLEANUP_TEST_FAILOVER, without_site="b")
    verbs.appliances.away.clear()
    verbs.appliances.silent.add(Kind.STOP_REPLICA)
    succeeded(verbs, Verb.TEST_FAILOVER)
    assert Kind.STOP_REPLICA not in {kind for _, kind, _ in returned(verbs)}
    assert verbs.machine().drill_state is DrillState.RUNNING


# ---- cancel ------------------------------------------------------------------------------------------------


def fails_after_the_source_is_off(verbs, kind):
    """A planned failover during which the target dies, at the first order of that kind."""
    verbs.protect()
    verbs.appliances.at_order(
        [Kind.LIST_POINTS, Kind.PRE_COPY, Kind.SHUT_DOWN, Kind.RUN_CYCLE, Kind.ACCEPT_CYCLES,
        Kind.DRAIN].index(kind)
        + 1,
        lambda _kind: gone(verbs, B),
    )  # fmt: skip
    job = ended(verbs, Verb.PLANNED_FAILOVER)
    assert job.job.state == "failed"
    for _ in range(200):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)


@pytest.mark.parametrize("kind", [Kind.RUN_CYCLE, Kind.ACCEPT_CYCLES])
def test_a_planned_failover_whose_target_dies_before_the_start_brings_production_back_by_itself(verbs, kind):
    fails_after_the_source_is_off(verbs, kind)
    machine = verbs.machine()
    assert verbs.appliances.running(machine.id) == [A]
    assert machine.state is State.PROTECTED
    (cancel,) = verbs.jobs(Verb.CANCEL_FAILOVER)
    assert (
        "was never told to start web01"
        in said(verbs.tree(cancel.id), "Remove the failed-over machine").sentence
    )
    given = returned(verbs)
    assert (B, Kind.ACCEPT_CYCLES, machine.id) in given, "replication goes on"


def test_a_target_that_may_run_the_machine_holds_the_cancel_until_it_is_given_up(verbs):
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    machine = verbs.machine()
    gone(verbs, B)
    assert "--without-site b" in ended(verbs, Verb.CANCEL_FAILOVER).job.error.do
    assert verbs.state() is State.CANCEL_FAILED
    assert A not in verbs.appliances.running(machine.id), "the copy at b may run"
    job = succeeded(verbs, Verb.CANCEL_FAILOVER, without_site="b")
    assert (
        "what web01 wrote there since the failover is lost"
        in said(job, "Remove the failed-over machine").sentence
    )
    assert verbs.state() is State.PROTECTED
    assert A in verbs.appliances.running(machine.id)
    assert (B, Kind.STOP_REPLICA, machine.id) in returned(verbs)
    assert verbs.appliances.running(machine.id) == [A]


def given_up(verbs):
    """The machine runs at its source again; its failed-over copy was left at a target that is gone."""
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    gone(verbs, B)
    succeeded(verbs, Verb.CANCEL_FAILOVER, without_site="b")
    return verbs.machine()


def cancel_that_starts_nothing(verbs):
    """Its target was given up, and its source does not start the machine."""
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    gone(verbs, B)
    verbs.appliances.fail(Kind.RESTART, times=1)
    job = ended(verbs, Verb.CANCEL_FAILOVER, without_site="b")
    assert verbs.state() is State.CANCEL_FAILED
    assert verbs.appliances.running(verbs.machine().id) == [B]
    verbs.appliances.given.clear()
    verbs.appliances.mend()
    return job.job.id


def some_time_passes(verbs):
    for _ in range(10):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(60)


def test_a_cancel_that_failed_does_not_remove_the_only_copy_that_runs_when_its_site_returns(verbs):
    cancel_that_starts_nothing(verbs)
    some_time_passes(verbs)
    assert verbs.appliances.given == []
    assert verbs.appliances.running(verbs.machine().id) == [B]


def test_a_cancel_that_failed_removes_the_copy_that_it_left_once_its_retry_has_succeeded(verbs):
    job_id, machine = cancel_that_starts_nothing(verbs), verbs.machine()
    assert verbs.retry(job_id).job.state == "succeeded"
    assert (B, Kind.STOP_REPLICA, machine.id) in verbs.appliances.given
    assert verbs.appliances.running(machine.id) == [A]


def test_a_cancel_that_failed_leaves_the_copy_alone_if_protection_has_ended_since(verbs):
    cancel_that_starts_nothing(verbs)
    machine = verbs.machine()
    succeeded(verbs, Verb.DISABLE_PROTECTION)
    some_time_passes(verbs)
    assert (B, Kind.STOP_REPLICA, machine.id) not in verbs.appliances.given
    assert all(job.state.ended for job in verbs.jobs())


def test_what_was_left_at_a_site_is_done_in_the_order_in_which_it_was_left(verbs):
    """The replica is not opened while the copy may run on it."""
    machine = given_up(verbs)
    verbs.appliances.given.clear()
    verbs.appliances.mend()
    verbs.appliances.silent.add(Kind.STOP_REPLICA)
    some_time_passes(verbs)
    assert (B, Kind.ACCEPT_CYCLES, machine.id) not in verbs.appliances.given
    assert (B, Kind.ACCEPT_CYCLES, machine.id) in returned(verbs)


def test_a_failover_to_a_site_that_just_returned_does_not_go_on_with_the_copy_that_was_given_up(verbs):
    """It would start from a chosen point and hold what the copy wrote."""
    machine = given_up(verbs)
    verbs.appliances.given.clear()
    verbs.appliances.mend()
    job = succeeded(verbs, Verb.FAILOVER)
    assert ", and was given up; " in said(job, "Stop replication").sentence
    orders = [kind for site, kind, _ in verbs.appliances.given if site == B]
    assert orders.index(Kind.STOP_REPLICA) < orders.index(Kind.START_REPLICA)
    some_time_passes(verbs)
    assert [kind for _, kind, _ in verbs.appliances.given].count(Kind.STOP_REPLICA) == 1
    assert B in verbs.appliances.running(machine.id)


def test_a_retry_goes_on_with_the_copy_that_its_failover_started(verbs):
    given_up(verbs)
    verbs.appliances.mend()
    verbs.appliances.fail(Kind.START_REPLICA, times=1)
    failed = ended(verbs, Verb.FAILOVER)
    verbs.source_says("off")
    verbs.appliances.given.clear()
    assert verbs.retry(failed.job.id).job.state == "succeeded"
    assert Kind.STOP_REPLICA not in [kind for _, kind, _ in verbs.appliances.given]


@pytest.mark.parametrize("harmless", [Verb.PLANNED_FAILOVER, Verb.RESYNCHRONIZE])
def test_a_verb_that_only_looked_does_not_keep_the_copy_at_a_site_that_returns(verbs, harmless):
    """Else two copies run for good: nothing is offered that ends the one there."""
    machine = given_up(verbs)
    ended(verbs, harmless)
    assert verbs.state() is State.PROTECTED
    given = returned(verbs)
    assert {(B, Kind.STOP_REPLICA, machine.id), (B, Kind.ACCEPT_CYCLES, machine.id)} <= set(given)
    assert verbs.appliances.running(machine.id) == [A]


def test_a_copy_that_was_given_up_is_stopped_also_if_protection_has_ended_since(verbs):
    """The end of protection has the higher number, and its order may come to the site first."""
    machine = given_up(verbs)
    succeeded(verbs, Verb.DISABLE_PROTECTION, without_site="b")
    verbs.appliances.generations[(B, machine.id)] = 99
    assert (B, Kind.STOP_REPLICA, machine.id) in returned(verbs)
    assert verbs.appliances.running(machine.id) == [A]


def test_a_failed_failover_is_cancelled_without_its_target_if_nothing_was_started_there(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.DRAIN, times=1)
    verbs.run(Verb.FAILOVER)
    assert verbs.state() is State.FAILOVER_FAILED
    gone(verbs, B)
    succeeded(verbs, Verb.CANCEL_FAILOVER)
    assert verbs.state() is State.PROTECTED


def test_the_copy_that_was_left_goes_before_its_site_hears_that_protection_has_ended(verbs):
    """Let go first, it would be nobody's copy, and run on beside the machine that came home."""
    machine = failed_home(verbs)
    succeeded(verbs, Verb.COMMIT, without_site="b")
    succeeded(verbs, Verb.DISABLE_PROTECTION)
    verbs.appliances.given.clear()
    verbs.appliances.mend()
    verbs.appliances.silent.add(Kind.REMOVE_MACHINE)
    for _ in range(10):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(60)
    assert verbs.appliances.given == []
    assert returned(verbs) == [(B, Kind.REMOVE_MACHINE, machine.id), (B, Kind.STOP_REPLICATION, machine.id)]


@pytest.mark.parametrize("failed_over", [False, True])
def test_a_source_that_was_away_hears_whether_what_it_has_is_an_old_copy(verbs, failed_over):
    verbs.protect()
    gone(verbs, A)
    if failed_over:
        succeeded(verbs, Verb.FAILOVER)
        succeeded(verbs, Verb.COMMIT)
    succeeded(verbs, Verb.DISABLE_PROTECTION)
    returned(verbs)
    assert [(each.ended, each.given_up) for each in verbs.appliances.stopped] == [(True, failed_over)]


def fails_over_and_is_forgotten(verbs):
    """The vault was restored from before a failover: it shows a protected machine, whose source is off and
    fenced."""
    verbs.protect()
    machine = verbs.machine()
    said = SourceStatus(machine_id=machine.id, epoch=1, power="off", running=False, fenced=True)
    with verbs.store.transaction() as tx:
        tx.statuses.put_source(said, verbs.clock.now())


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_copy_at_the_target_is_kept_when_protection_ends_and_must_be_off_if_the_source_runs(
    verbs, forgotten
):
    if forgotten:
        fails_over_and_is_forgotten(verbs)
    else:
        verbs.protect()
    succeeded(verbs, Verb.DISABLE_PROTECTION)
    assert [(each.keep_running, each.given_up) for each in verbs.appliances.removed] == [
        (True, not forgotten)
    ]


def lost_its_answer(verbs):
    """A failover without its source, whose target started the copy and could not say so any more."""
    verbs.protect()
    gone(verbs, A)
    verbs.appliances.unheard.add(Kind.START_REPLICA)
    job_id = verbs.submit(Verb.FAILOVER)
    some_time_passes(verbs)
    assert verbs.tree(job_id).job.state == "failed"
    assert verbs.state() is State.FAILOVER_FAILED
    verbs.appliances.unheard.clear()


def restored_from_before(verbs):
    """A failover without its source, of which the vault knows nothing any more."""
    verbs.protect()
    before = verbs.machine()
    gone(verbs, A)
    succeeded(verbs, Verb.FAILOVER)
    now = verbs.machine()
    with verbs.store.transaction() as tx:
        tx.machines.put(replace(before, generation=now.generation, version=now.version))


@pytest.mark.parametrize("has_failed_over", [lost_its_answer, restored_from_before])
def test_a_source_that_was_away_is_an_old_copy_if_the_target_has_one_whatever_is_on_record(
    verbs, has_failed_over
):
    has_failed_over(verbs)
    succeeded(verbs, Verb.DISABLE_PROTECTION)
    returned(verbs)
    assert [(each.ended, each.given_up) for each in verbs.appliances.stopped] == [(True, True)]


def test_protection_without_its_source_ends_although_that_was_last_heard_to_run(verbs):
    """Else production at the target would have to be off first, for a copy that is gone."""
    restored_from_before(verbs)
    with verbs.store.transaction() as tx:
        said = SourceStatus(machine_id=verbs.machine().id, epoch=1, power="running", running=True)
        tx.statuses.put_source(said, verbs.clock.now())
    succeeded(verbs, Verb.DISABLE_PROTECTION, without_site="a")
    assert [(each.keep_running, each.given_up) for each in verbs.appliances.removed] == [(True, False)]


# ---- reprotect ---------------------------------------------------------------------------------------------


def cancelled(verbs, job_id):
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)
    for _ in range(200):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    return verbs.tree(job_id)


def test_a_reprotect_is_taken_back_while_the_old_site_is_away_and_there_when_it_returns(verbs):
    verbs.protect()
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT):
        verbs.run(verb)
    machine = verbs.machine()
    verbs.appliances.silent.add(Kind.START_REPLICATION)
    job_id = verbs.submit(Verb.REPROTECT)
    verbs.engine.run_until_idle()
    gone(verbs, A)
    assert cancelled(verbs, job_id).job.state == "cancelled"
    assert verbs.state() is State.COMMITTED
    assert returned(verbs) == [(A, Kind.REMOVE_REPLICA, machine.id)]
    assert verbs.run(Verb.REPROTECT).job.state == "succeeded"


# ---- drills ------------------------------------------------------------------------------------------------


def test_a_drill_that_fails_while_its_site_is_away_is_taken_back_there_when_it_returns(verbs):
    verbs.protect()
    machine = verbs.machine()
    verbs.appliances.silent.add(Kind.START_REPLICA)
    job_id = verbs.submit(Verb.TEST_FAILOVER)
    verbs.engine.run_until_idle()
    gone(verbs, B)
    assert cancelled(verbs, job_id).job.state == "cancelled"
    assert verbs.machine().drill_state is DrillState.NONE
    assert returned(verbs) == [(B, Kind.STOP_REPLICA, machine.id), (B, Kind.REMOVE_NETWORK, machine.id)]


def test_a_machine_whose_old_one_is_gone_is_reprotected_to_an_alternate_location(verbs):
    verbs.protect()
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        verbs.run(verb)
    verbs.appliances.missing = True
    assert verbs.run(Verb.REPROTECT).job.error.code == "not-found"
    assert verbs.state() is State.COMMITTED
    assert verbs.run(Verb.REPROTECT, location="alternate").job.state == "succeeded"
    assert verbs.state() is State.PROTECTED


# ---- what is refused ---------------------------------------------------------------------------------------


def test_a_site_that_answers_is_not_left_out(verbs):
    verbs.protect()
    with pytest.raises(errors.NotPossibleNow, match="is connected"):
        verbs.submit(Verb.DISABLE_PROTECTION, without_site="b")


def test_only_a_site_of_the_machine_can_be_left_out_and_never_the_one_that_it_returns_to(verbs):
    verbs.protect()
    with pytest.raises(errors.InvalidArgument, match="without site a or b"):
        verbs.submit(Verb.DISABLE_PROTECTION, without_site="c")
    verbs.run(Verb.PLANNED_FAILOVER)
    gone(verbs, A)
    with pytest.raises(errors.InvalidArgument, match="without site b, not without 'a'"):
        verbs.submit(Verb.CANCEL_FAILOVER, without_site="a")


# ---- every state -------------------------------------------------------------------------------------------

WAYS = (
    Verb.DISABLE_PROTECTION,
    Verb.CLEANUP_TEST_FAILOVER,
    Verb.CANCEL_FAILOVER,
    Verb.COMMIT,
    Verb.FAILOVER,
)


def came_to(verbs, state):
    """The machine in that state, with both sites there."""
    appliances = verbs.appliances
    if state in (State.FAILED_OVER, State.COMMITTED):
        verbs.run(Verb.FAILOVER, shut_down_source=True)
    if state in (State.PLANNED_FAILED_OVER, State.CANCEL_FAILED):
        verbs.run(Verb.PLANNED_FAILOVER)
    if state is State.COMMITTED:
        verbs.run(Verb.COMMIT)
    failing = {
        State.FAILOVER_FAILED: (Kind.START_REPLICA, Verb.FAILOVER),
        State.CANCEL_FAILED: (Kind.STOP_REPLICA, Verb.CANCEL_FAILOVER),
        State.DISABLE_FAILED: (Kind.REMOVE_REPLICA, Verb.DISABLE_PROTECTION),
    }
    if state in failing:
        kind, verb = failing[state]
        appliances.fail(kind, times=1)
        verbs.run(verb)
        appliances.mend()
    assert verbs.state() is state


def tried(verbs, verb, lost):
    """Whether the verb succeeds, as it is or without the site."""
    for arguments in ({}, {"without_site": lost}):
        if arguments and verb is Verb.FAILOVER:
            continue
        try:
            job = ended(verbs, verb, **arguments)
        except errors.SecondsiteError:
            continue
        if job.job.state == "succeeded":
            return True
    return False


def possible(verbs):
    machine = verbs.machine()
    allowed = lifecycle.allowed_operations(machine.state, machine.drill_state)
    return [verb for verb in WAYS if verb in allowed]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("appliance", [A, B])
@pytest.mark.parametrize(
    "state",
    [
        State.PROTECTED,
        State.FAILOVER_FAILED,
        State.FAILED_OVER,
        State.PLANNED_FAILED_OVER,
        State.CANCEL_FAILED,
        State.COMMITTED,
        State.DISABLE_FAILED,
        DrillState.RUNNING,
    ],
)
def test_from_every_state_with_either_site_gone_protection_can_be_brought_to_its_end(
    verbs, state, appliance, reverse
):
    verbs.protect()
    if reverse:
        for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
            assert verbs.run(verb).job.state == "succeeded"
    if state is DrillState.RUNNING:
        verbs.run(Verb.TEST_FAILOVER)
    else:
        came_to(verbs, state)
    gone(verbs, appliance)
    for _ in range(4):
        if verbs.machine() is None:
            break
        assert any(tried(verbs, verb, SITE[appliance]) for verb in possible(verbs)), "a dead end"
    assert verbs.machine() is None
