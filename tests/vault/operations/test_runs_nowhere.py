"""Machines that were failed over and do not run: what a commit and an end of protection say of them, and
what they refuse."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.health.findings import Situation, findings
from secondsite.vault.store import StatusRecord
from secondsite.vault.watch.situations import last_jobs_that_failed
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control.checks import ObstacleShape
from secondsite.wire.control.orders import Kind
from tests.support.vault import source_status
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

AT_REST = (State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED)
POWERS = ("off", "saved", "missing")
BRINGS_UP = {
    "off": "virsh start ",
    "saved": "virsh start ",
    "missing": "secondsite-rescue start web01",
}


def came_to(verbs, state):
    verbs.protect()
    verbs.run(
        Verb.PLANNED_FAILOVER if state is State.PLANNED_FAILED_OVER else Verb.FAILOVER, **_options(state)
    )
    if state is State.COMMITTED:
        verbs.run(Verb.COMMIT)
    assert verbs.state() is state


def _options(state):
    return {} if state is State.PLANNED_FAILED_OVER else {"shut_down_source": True}


def brought_to(verbs, power, at=B):
    """What its owner did at a site."""
    copies, machine = verbs.appliances.copies, verbs.machine().id
    if power == "saved":
        verbs.appliances.saved.add(at)
    copies.stop(machine, at)
    if power == "missing":
        copies.made.discard((machine, at))


def started_again(verbs):
    verbs.appliances.saved.clear()
    verbs.appliances.copies.run(verbs.machine().id, B)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("state", AT_REST)
def test_a_failed_over_machine_that_runs_nowhere_keeps_its_protection_until_it_was_brought_up(
    verbs, state, power
):
    """S-057: nobody would bring it up, and its old copy could be started."""
    came_to(verbs, state)
    brought_to(verbs, power)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.DISABLE_PROTECTION).job
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "runs nowhere" in job.error.message
    assert BRINGS_UP[power] in job.error.do
    assert (verbs.machine().target_fabric_id in job.error.do) is (power != "missing"), (
        "it may be renamed there"
    )
    assert verbs.state() is state
    assert {kind for _, kind, _ in verbs.appliances.given} == {Kind.POWER}
    started_again(verbs)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"


def test_the_way_to_bring_up_an_undefined_machine_is_one_that_its_state_has(verbs):
    came_to(verbs, State.FAILED_OVER)
    brought_to(verbs, "missing")
    assert "change-recovery-point web01" in verbs.run(Verb.DISABLE_PROTECTION).job.error.do
    started_again(verbs)
    verbs.run(Verb.COMMIT)
    brought_to(verbs, "missing")
    assert "change-recovery-point" not in verbs.run(Verb.DISABLE_PROTECTION).job.error.do


@pytest.mark.parametrize("power", POWERS)
def test_protection_of_a_machine_that_runs_nowhere_ends_if_a_person_says_so(verbs, power):
    came_to(verbs, State.COMMITTED)
    brought_to(verbs, power)
    assert verbs.run(Verb.DISABLE_PROTECTION, runs_nowhere=True).job.state == "succeeded"
    assert verbs.machine() is None


def test_a_machine_that_runs_at_home_again_can_be_unprotected(verbs):
    """A restored vault may show a failover of long ago."""
    came_to(verbs, State.FAILED_OVER)
    brought_to(verbs, "missing")
    verbs.appliances.copies.run(verbs.machine().id, A)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"


@pytest.mark.parametrize("state", [State.FAILED_OVER, State.PLANNED_FAILED_OVER])
def test_a_commit_of_a_machine_that_is_not_defined_there_is_refused_before_a_point_is_deleted(verbs, state):
    came_to(verbs, state)
    brought_to(verbs, "missing")
    job = verbs.run(Verb.COMMIT).job
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "not known to its hypervisor at b" in job.error.message
    assert "change-recovery-point web01 --choice latest_processed" in job.error.do
    assert ("cancel-failover web01" in job.error.do) is (state is State.PLANNED_FAILED_OVER)
    assert verbs.state() is state
    assert Kind.COMMIT_POINT not in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.run(Verb.CHANGE_RECOVERY_POINT, choice="latest_processed").job.state == "succeeded"
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"


@pytest.mark.parametrize(("power", "words"), [("off", "it is off"), ("saved", "its memory saved")])
def test_a_commit_of_a_machine_that_is_off_says_so_and_how_it_is_started(verbs, power, words):
    came_to(verbs, State.FAILED_OVER)
    brought_to(verbs, power)
    job = verbs.run(Verb.COMMIT)
    assert job.job.state == "succeeded"
    sentence = said(job, "Prerequisites check").sentence
    assert "does not run there" in sentence
    assert words in sentence
    assert f"virsh start {verbs.machine().target_fabric_id}" in sentence
    assert "web01 runs at" not in sentence


def test_a_commit_of_a_machine_that_runs_says_where_and_from_what(verbs):
    came_to(verbs, State.FAILED_OVER)
    assert "web01 runs at b from point" in said(verbs.run(Verb.COMMIT), "Prerequisites check").sentence


def test_a_commit_says_where_nobody_knows_whether_the_machine_runs(verbs):
    came_to(verbs, State.FAILED_OVER)
    verbs.appliances.destroy(B)
    job = verbs.run(Verb.COMMIT, without_site="b")
    assert job.job.state == "succeeded"
    assert "b does not answer, so whether it runs is not known" in said(job, "Prerequisites check").sentence


def test_a_machine_that_came_home_and_is_undefined_there_is_not_committed(verbs):
    came_to(verbs, State.COMMITTED)
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    brought_to(verbs, "missing", at=A)
    assert "not known to its hypervisor at a" in verbs.run(Verb.COMMIT).job.error.message
    assert Kind.REMOVE_MACHINE not in [kind for _, kind, _ in verbs.appliances.given]


@pytest.mark.parametrize("was_off", [True, False])
def test_no_downtime_is_told_of_a_machine_that_was_off_before_it_was_moved(verbs, was_off):
    verbs.protect()
    if was_off:
        brought_to(verbs, "off", at=A)
    sentence = said(verbs.run(Verb.PLANNED_FAILOVER), "Start").sentence
    assert ("it was off before the move began" in sentence) is was_off
    assert ("it was down for" in sentence) is not was_off


def test_the_downtime_is_told_of_a_machine_that_an_interrupted_order_had_shut_down(verbs):
    """The order that was given again found it off: that was our own shutdown, and not its owner's."""
    verbs.protect()
    asked = []

    def shut_down_unheard(kind):
        asked.append(kind)
        if kind is Kind.SHUT_DOWN:
            brought_to(verbs, "off", at=A)
        else:
            verbs.appliances.at_order(0, shut_down_unheard)

    verbs.appliances.at_order(0, shut_down_unheard)
    sentence = said(verbs.run(Verb.PLANNED_FAILOVER), "Start").sentence
    assert asked[-1] is Kind.SHUT_DOWN
    assert "it was down for" in sentence
    assert "off before the move" not in sentence


def put_back(verbs, power):
    """The target's store, from before the failover; its hypervisor has the machine's definition, or not
    even that."""
    brought_to(verbs, power)
    verbs.clock.pass_by(10)
    verbs.appliances.speak()


def test_the_end_of_protection_tells_of_a_copy_that_was_started_without_the_vault(verbs):
    verbs.protect()
    started = FindingShape(code="started-without-vault", what="It was started.", since=verbs.clock.now())
    with verbs.store.transaction() as tx:
        known = tx.statuses.get(verbs.machine().id).replica
        tx.statuses.put_replica(known.model_copy(update={"findings": (started,)}), verbs.clock.now())
    check = verbs.run(Verb.DISABLE_PROTECTION).tasks[0]
    assert check.sentence == "web01 was started at b without the vault: what it wrote there stays, as files"


@pytest.mark.parametrize("power", ["off", "missing"])
@pytest.mark.parametrize("state", [State.FAILED_OVER, State.PLANNED_FAILED_OVER])
def test_of_a_machine_that_its_target_has_forgotten_refusals_say_so_and_name_a_way_that_its_state_has(
    verbs, state, power
):
    came_to(verbs, state)
    put_back(verbs, power)
    planned = state is State.PLANNED_FAILED_OVER
    for verb in (Verb.COMMIT, Verb.DISABLE_PROTECTION):
        error = verbs.run(verb).job.error
        assert "its replica there knows of no failover" in error.message
        assert ("cancel-failover web01" in error.do) is planned
        assert "change-recovery-point web01 --choice latest_processed" in error.do
        assert "virsh start" not in error.do
        assert "secondsite-rescue" not in error.do
    assert verbs.state() is state
    way = (
        (Verb.CANCEL_FAILOVER, {})
        if planned
        else (Verb.CHANGE_RECOVERY_POINT, {"choice": "latest_processed"})
    )
    job = verbs.run(way[0], **way[1])
    assert job.job.state == "succeeded"
    assert verbs.appliances.running(verbs.machine().id) == ([A] if planned else [B])


def test_the_end_of_protection_of_a_committed_machine_that_its_target_has_forgotten_names_no_verb_that_is_refused(  # noqa: E501
    verbs,
):
    came_to(verbs, State.COMMITTED)
    put_back(verbs, "missing")
    do = verbs.run(Verb.DISABLE_PROTECTION).job.error.do
    assert "change-recovery-point" not in do
    assert "newest recovery point that is left there" in do


def test_a_change_of_point_says_of_a_machine_that_its_target_has_forgotten_what_would_lose_less(verbs):
    came_to(verbs, State.PLANNED_FAILED_OVER)
    put_back(verbs, "missing")
    job = verbs.run(Verb.CHANGE_RECOVERY_POINT, choice="latest_processed")
    assert job.job.state == "succeeded"
    sentence = said(job, "Prerequisites check").sentence
    assert "knows of no failover" in sentence
    assert Kind.ACCEPT_CYCLES in [kind for _, kind, _ in verbs.appliances.given]


def test_a_change_of_point_whose_start_would_fail_is_refused_while_the_machine_still_runs(verbs):
    """It was removed with all that it had written, and then nothing could be started."""
    came_to(verbs, State.FAILED_OVER)
    verbs.appliances.obstacles = (ObstacleShape(what="A boot file is not here.", do="Copy it there."),)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.CHANGE_RECOVERY_POINT, choice="latest_processed").job
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "A boot file is not here." in job.error.message
    looks = {Kind.CHECK_TARGET, Kind.LIST_POINTS, Kind.POWER}
    assert {kind for _, kind, _ in verbs.appliances.given} <= looks
    assert verbs.appliances.checked.definition is not None
    assert verbs.appliances.running(verbs.machine().id) == [B]
    assert verbs.state() is State.FAILED_OVER


@pytest.mark.parametrize("name", ["web01", "db01"])
def test_a_failover_that_failed_is_told_since_it_failed_however_late_its_source_is_heard(verbs, name):
    """Also of a batch, whose jobs are children."""
    verbs.protect("web01", "db01")
    verbs.clock.pass_by(3600)
    began = verbs.clock.now()
    verbs.appliances.fail(Kind.START_REPLICA)
    verbs.run(Verb.FAILOVER, *{"web01", name}, shut_down_source=True)
    failed = [each for each in map(verbs.machine, ("web01", "db01")) if each.state is State.FAILOVER_FAILED]
    ended = verbs.clock.now()
    verbs.clock.pass_by(3600)
    for machine in failed:
        (found,) = (each for each in findings_of(verbs, machine) if each.code == "failover-failed")
        assert began <= found.since <= ended
    assert failed


def findings_of(verbs, machine):
    with verbs.store.reading() as tx:
        jobs = last_jobs_that_failed(tx, [machine])
    status = StatusRecord(machine.id, source_at=verbs.clock.now())
    situation = Situation(machine, status, None, None, None, last_failed=jobs.get(machine.id))
    return findings(situation, verbs.clock.now())


def off_everywhere(verbs):
    for appliance in (A, B):
        verbs.appliances.copies.stop(verbs.machine().id, appliance)


def test_a_retry_asks_again_whether_it_runs(verbs):
    came_to(verbs, State.FAILED_OVER)
    verbs.appliances.fail(Kind.STOP_REPLICATION)
    job = verbs.run(Verb.DISABLE_PROTECTION).job
    verbs.appliances.mend()
    off_everywhere(verbs)
    again = verbs.retry(job.id).job
    assert (again.state, again.error.code) == ("failed", "prerequisite-failed")
    assert verbs.machine() is not None


@pytest.mark.parametrize("fails", [Kind.START_REPLICA, Kind.ACCEPT_CYCLES])
def test_one_that_was_left_half_way_is_asked_for_in_the_second_attempt_too(verbs, fails):
    """It took the points away of a machine whose last copy had gone off, unsaid."""
    verbs.protect()
    verbs.appliances.unheard.add(fails)
    verbs.run(Verb.FAILOVER, shut_down_source=True)
    assert verbs.state() is State.FAILOVER_FAILED
    verbs.appliances.mend()
    verbs.appliances.fail(Kind.STOP_REPLICATION)
    verbs.run(Verb.DISABLE_PROTECTION, runs_nowhere=True)
    assert verbs.state() is State.DISABLE_FAILED
    verbs.appliances.mend()
    off_everywhere(verbs)
    fenced = source_status(machine_id=verbs.machine().id, power="off", fenced=fails is Kind.ACCEPT_CYCLES)
    with verbs.store.transaction() as tx:
        tx.statuses.put_source(fenced, verbs.clock.now())
    again = verbs.run(Verb.DISABLE_PROTECTION).job
    assert (again.state, again.error.code) == ("failed", "prerequisite-failed")
    assert "runs nowhere" in again.error.message


def test_a_retry_of_a_commit_looks_again_for_the_machine_before_it_deletes_the_other_points(verbs):
    came_to(verbs, State.FAILED_OVER)
    verbs.appliances.fail(Kind.COMMIT_POINT)
    job = verbs.run(Verb.COMMIT).job
    assert job.state == "failed"
    verbs.appliances.mend()
    brought_to(verbs, "missing")
    verbs.appliances.given.clear()
    again = verbs.retry(job.id).job
    assert (again.state, again.error.code) == ("failed", "prerequisite-failed")
    assert Kind.COMMIT_POINT not in [kind for _, kind, _ in verbs.appliances.given]


def with_an_old_copy_that_runs_alone(verbs, came_to_state=State.COMMITTED):
    """The failed-over copy is off; its owner started the old one."""
    came_to(verbs, came_to_state)
    brought_to(verbs, "off")
    verbs.appliances.copies.run(verbs.machine().id, A)
    verbs.appliances.given.clear()


def kinds(verbs):
    return {kind for _, kind, _ in verbs.appliances.given}


@pytest.mark.parametrize("location", ["original", "alternate"])
def test_a_reprotect_does_not_shut_down_the_only_copy_that_runs_and_names_the_ways_out(verbs, location):
    """It was shut down and withdrawn: then nothing ran, and what it had written was in an old disk file."""
    with_an_old_copy_that_runs_alone(verbs)
    job = verbs.run(Verb.REPROTECT, location=location).job
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "at a its old copy is running, and at b, where it was failed" in job.error.message
    for way in ("virsh start ", "virsh shutdown ", "disable-protection web01"):
        assert way in job.error.do
    assert Kind.WITHDRAW not in kinds(verbs)
    assert verbs.appliances.running(verbs.machine().id) == [A]
    assert verbs.state() is State.COMMITTED
    started_again(verbs)
    assert verbs.retry(job.id).job.state == "succeeded"
    assert verbs.appliances.running(verbs.machine().id) == [B]


def test_a_reprotect_is_possible_once_the_only_copy_that_ran_was_shut_down_by_hand(verbs):
    with_an_old_copy_that_runs_alone(verbs)
    job = verbs.run(Verb.REPROTECT).job
    brought_to(verbs, "off", at=A)
    assert verbs.retry(job.id).job.state == "succeeded"


def test_memory_of_an_old_copy_is_not_called_needless_while_the_failed_over_machine_is_off(verbs):
    came_to(verbs, State.COMMITTED)
    brought_to(verbs, "off")
    verbs.appliances.saved.add(A)
    error = verbs.run(Verb.REPROTECT).job.error
    assert "at a its old copy is off, with its memory saved" in error.message
    assert "the machine runs at the other site" not in error.do


def test_a_reprotect_asks_again_in_the_step_that_shuts_down(verbs):
    came_to(verbs, State.COMMITTED)
    brought_to(verbs, "off", at=A)

    def meanwhile(kind):
        assert kind is Kind.CHECK_TARGET
        brought_to(verbs, "off")
        verbs.appliances.copies.run(verbs.machine().id, A)

    verbs.appliances.at_order(2, meanwhile)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.REPROTECT)
    assert said(job, "Prerequisites check").state == "succeeded"
    assert "the only copy that is on" in job.job.error.message
    assert Kind.WITHDRAW not in kinds(verbs)
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_no_reprotect_of_several_machines_shuts_down_the_only_copy_that_runs(verbs):
    with_an_old_copy_that_runs_alone(verbs)
    verbs.protect("db01")
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        verbs.run(verb, "db01")
    verbs.run(Verb.REPROTECT, "web01", "db01")
    assert (verbs.state("web01"), verbs.state("db01")) == (State.COMMITTED, State.PROTECTED)
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_commit_warns_of_an_old_copy_that_runs(verbs):
    with_an_old_copy_that_runs_alone(verbs, State.FAILED_OVER)
    sentence = said(verbs.run(Verb.COMMIT), "Prerequisites check").sentence
    assert "it does not run there" in sentence
    assert "at a its old copy is running" in sentence
    assert f"virsh shutdown {verbs.machine().source_fabric_id}" in sentence


def test_a_commit_does_not_wait_for_a_site_whose_old_copy_it_would_warn_of(verbs):
    came_to(verbs, State.FAILED_OVER)
    verbs.appliances.deaf.add(A)
    began = verbs.clock.now()
    job = verbs.run(Verb.COMMIT)
    assert job.job.state == "succeeded"
    assert (said(job, "Prerequisites check").ended_at - began).total_seconds() < 60


def test_a_commit_at_home_asks_again_before_it_removes_the_machine_that_was_left(verbs):
    came_to(verbs, State.COMMITTED)
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"

    def meanwhile(kind):
        assert kind is Kind.COMMIT_POINT
        brought_to(verbs, "off", at=A)
        verbs.appliances.copies.run(verbs.machine().id, B)

    verbs.appliances.at_order(2, meanwhile)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.COMMIT).job
    assert "at b its old copy is running, and at a, where it was failed" in job.error.message
    assert Kind.REMOVE_MACHINE not in kinds(verbs)
    verbs.appliances.copies.run(verbs.machine().id, A)
    brought_to(verbs, "off", at=B)
    assert verbs.retry(job.id).job.state == "succeeded"


@pytest.mark.parametrize("sync", ["before", "during"])
def test_a_failback_in_one_job_does_not_begin_while_only_the_old_copy_runs(verbs, sync):
    with_an_old_copy_that_runs_alone(verbs)
    job = verbs.run(Verb.PLANNED_FAILOVER, data_sync=sync).job
    assert job.state == "failed"
    assert "the only copy that is on" in job.error.message
    assert not {Kind.WITHDRAW, Kind.SHUT_DOWN} & kinds(verbs)


def test_a_failback_that_shuts_the_machine_down_first_does_not_begin_while_an_old_copy_runs(verbs):
    came_to(verbs, State.COMMITTED)
    verbs.appliances.copies.run(verbs.machine().id, A)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.PLANNED_FAILOVER, data_sync="during").job
    assert "would be the only one that is on once web01 is shut down at b" in job.error.message
    assert Kind.SHUT_DOWN not in kinds(verbs)


@pytest.mark.parametrize("state", AT_REST)
def test_protection_does_not_end_while_both_copies_run_and_the_sites_are_named(verbs, state):
    """Both went on, with the same name and addresses; nothing said so, and both had autostart."""
    came_to(verbs, state)
    verbs.appliances.copies.run(verbs.machine().id, A)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.DISABLE_PROTECTION).job
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "two copies of it are on: at a it is running and at b it is running" in job.error.message
    assert f"at a ('virsh shutdown {verbs.machine().source_fabric_id}'" in job.error.do
    assert f"at b ('virsh shutdown {verbs.machine().target_fabric_id}'" in job.error.do
    assert kinds(verbs) == {Kind.POWER}
    assert verbs.state() is state
    brought_to(verbs, "off", at=A)
    ended = verbs.retry(job.id)
    assert said(ended, "Stop replication").sentence.startswith("at a: ")
    assert said(ended, "Remove replica").sentence.startswith("at b: ")


def test_protection_does_not_end_while_both_copies_run_of_a_failover_that_did_not_end(verbs):
    verbs.protect()
    verbs.appliances.unheard.add(Kind.START_REPLICA)
    verbs.run(Verb.FAILOVER)
    verbs.appliances.mend()
    assert verbs.state() is State.FAILOVER_FAILED
    assert verbs.appliances.running(verbs.machine().id) == [A, B]
    assert "two copies of it are on" in verbs.run(Verb.DISABLE_PROTECTION).job.error.message


@pytest.mark.parametrize("serves", [A, B])
def test_where_a_machine_is_not_served_its_copy_is_let_go_of_only_if_it_is_off_and_without_autostart(
    verbs, serves
):
    """An appliance that is told `given_up` fences the copy, and refuses while it is on: it may have been
    started since the check."""
    came_to(verbs, State.COMMITTED)
    if serves == A:
        verbs.appliances.copies.run(verbs.machine().id, A)
        brought_to(verbs, "off", at=B)
    verbs.appliances.stopped.clear()
    verbs.appliances.removed.clear()
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    (stopped,), (removed,) = verbs.appliances.stopped, verbs.appliances.removed
    assert (stopped.given_up, removed.given_up) == (serves == B, serves == A)


def test_nobody_is_told_to_start_a_machine_at_home_that_was_defined_on_its_old_disks(verbs):
    """A finding and the commit's check said 'virsh start': it went back in time, and wrote below the disks
    with its newest data."""
    came_to(verbs, State.COMMITTED)
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    brought_to(verbs, "off", at=A)
    what = "web01 is off, and its stored definition has vda on /old: its disks are vda on /new."
    codes = ("failed-over-machine-off", "failed-over-machine-redefined")
    found = tuple(FindingShape(code=code, what=what, since=verbs.clock.now()) for code in codes)
    with verbs.store.transaction() as tx:
        known = tx.statuses.get(verbs.machine().id).replica
        runs = {"findings": found, "runs": ("failover",)}
        tx.statuses.put_replica(known.model_copy(update=runs), verbs.clock.now())
        status = tx.statuses.get(verbs.machine().id)
    told = findings(Situation(verbs.machine(), status, None, None, None), verbs.clock.now())
    advised = {each.code: each.do for each in told}
    refused = verbs.run(Verb.DISABLE_PROTECTION).job.error.do
    checked = said(verbs.run(Verb.COMMIT), "Prerequisites check").sentence
    for each in (advised[codes[0]], refused, checked):
        assert "virsh start" not in each
        assert "virsh edit web01" in each
        assert "vda on /new" in each
    assert "Do not start it as it is" in advised[codes[1]]


def nobody_starts_it_at_home(verbs, monkeypatch):
    """As a server whose agent is away: only a person at it switches it on."""
    told = verbs.appliances._power  # noqa: SLF001 as the scripted appliance answers

    def power(appliance_id, machine_id, payload):
        way = (ObstacleShape(what="It is off.", do="Switch it on."),) if payload.comes_back else ()
        return told(appliance_id, machine_id, payload).model_copy(update={"obstacles": way})

    monkeypatch.setattr(verbs.appliances, "_power", power)


def test_a_cancel_keeps_the_copy_while_the_machine_cannot_run_at_home(verbs, monkeypatch):
    came_to(verbs, State.PLANNED_FAILED_OVER)
    nobody_starts_it_at_home(verbs, monkeypatch)
    job = verbs.run(Verb.CANCEL_FAILOVER).job
    assert (job.error.code, "It is off." in job.error.message) == ("prerequisite-failed", True)
    assert verbs.appliances.running(verbs.machine().id) == [B]


def test_where_no_copy_was_ordered_the_machine_is_let_go_on_though_nobody_can_start_it_now(
    verbs, monkeypatch
):
    verbs.protect()
    nobody_starts_it_at_home(verbs, monkeypatch)
    verbs.appliances.fail(Kind.RUN_CYCLE)
    verbs.run(Verb.PLANNED_FAILOVER)
    assert not verbs.machine().start_ordered
    assert Kind.RESTART in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.appliances.running(verbs.machine().id) == [A]
