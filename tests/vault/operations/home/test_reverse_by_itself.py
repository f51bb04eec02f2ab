"""What follows the commit of a planned failover by itself: once, told before, and never after a disaster."""

import pytest

from rig.dying import Killed
from secondsite.domain.lifecycle import State, Verb
from secondsite.ground import seams
from secondsite.vault.store import SitePairRecord
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, findings_of, folder_in_memory, said

STEP = "Reverse replication"


def turned(verbs, on=True):
    with verbs.store.transaction() as tx:
        tx.pairs.put(SitePairRecord("a", "b", reverse_after_commit=on))


@pytest.fixture
def moved(verbs):
    """web01 was moved to b as planned, and nothing was said of the two sites."""
    turned(verbs)
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    return verbs


def test_two_sites_of_which_nothing_was_said_reverse_by_themselves(verbs):
    with verbs.store.reading() as tx:
        assert tx.pairs.between("rome", "oslo") == SitePairRecord("oslo", "rome", True)


def test_it_is_told_in_the_commit_and_done_by_a_reprotect_of_the_service(moved):
    commit = moved.run(Verb.COMMIT)
    assert "is protected back to a by itself" in said(commit, STEP).sentence
    (follows,) = moved.jobs(Verb.REPROTECT)
    assert (follows.state, follows.requested_by) == ("succeeded", "secondsite")
    assert follows.arguments["because"] == commit.job.id
    machine = moved.machine()
    assert (moved.state(), machine.source_site, machine.target_site) == (State.PROTECTED, "b", "a")
    assert "reverse-replication-failed" not in findings_of(moved)


def test_so_it_is_on_the_way_home(moved):
    moved.run(Verb.COMMIT)
    assert moved.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    assert moved.run(Verb.COMMIT).job.state == "succeeded"
    assert [job.state for job in moved.jobs(Verb.REPROTECT)] == ["succeeded"] * 2
    assert (moved.machine().source_site, moved.state()) == ("a", State.PROTECTED)


def test_several_machines_that_are_committed_at_once_each_have_their_own(verbs):
    turned(verbs)
    verbs.protect("web01", "db01")
    verbs.run(Verb.PLANNED_FAILOVER, "web01", "db01")
    verbs.run(Verb.COMMIT, "web01", "db01")
    assert sorted(job.subject_name for job in verbs.jobs(Verb.REPROTECT)) == ["db01", "web01"]
    assert {verbs.machine(name).source_site for name in ("web01", "db01")} == {"b"}


def test_after_a_disaster_a_person_looks_first(verbs):
    turned(verbs)
    verbs.protect()
    verbs.run(Verb.FAILOVER)
    commit = verbs.run(Verb.COMMIT)
    assert "after an unplanned failover nothing begins by itself" in said(commit, STEP).sentence
    assert verbs.jobs(Verb.REPROTECT) == []
    assert verbs.state() is State.COMMITTED


def test_where_it_is_turned_off_a_person_reprotects(moved):
    turned(moved, on=False)
    commit = moved.run(Verb.COMMIT)
    assert "that is their setting" in said(commit, STEP).sentence
    assert (moved.jobs(Verb.REPROTECT), moved.state()) == ([], State.COMMITTED)


def test_a_commit_that_gives_a_site_up_leads_nowhere_back(moved):
    moved.appliances.away.add(A)
    commit = moved.run(Verb.COMMIT, without_site="a")
    assert commit.job.state == "succeeded", commit
    assert "site a was given up" in said(commit, STEP).sentence
    assert moved.jobs(Verb.REPROTECT) == []


def test_one_that_fails_is_a_finding_until_somebody_acts_and_the_commit_stands(moved):
    moved.appliances.fail(Kind.START_REPLICATION, times=1)
    assert moved.run(Verb.COMMIT).job.state == "succeeded"
    assert [job.state for job in moved.jobs(Verb.REPROTECT)] == ["failed"]
    assert moved.state() is State.COMMITTED
    found = findings_of(moved)["reverse-replication-failed"]
    assert "to site a by itself" in found.what
    assert "secondsite machine reprotect" in found.kind.do
    assert moved.run(Verb.REPROTECT).job.state == "succeeded"
    assert "reverse-replication-failed" not in findings_of(moved)


def test_a_reprotect_of_a_person_that_fails_is_no_such_finding(moved):
    turned(moved, on=False)
    moved.run(Verb.COMMIT)
    moved.appliances.fail(Kind.START_REPLICATION, times=1)
    assert moved.run(Verb.REPROTECT).job.state == "failed"
    assert "reverse-replication-failed" not in findings_of(moved)


def test_a_site_that_does_not_answer_is_told_with_the_way_on(moved):
    moved.appliances.away.add(A)
    moved.run(Verb.COMMIT)
    assert moved.state() is State.COMMITTED
    assert "reverse-replication-failed" in findings_of(moved)


def test_a_setting_that_changes_while_the_commit_runs_does_not_change_what_it_said(moved):
    job_id = moved.submit(Verb.COMMIT)
    seen: list[str] = []

    def turn_off(name):
        if said_already() and not seen:
            seen.append(name)
            turned(moved, on=False)

    def said_already():
        return any(task.title == STEP and task.sentence for task in moved.tree(job_id).tasks)

    with seams.armed(turn_off):
        moved.settle(job_id)
    assert len(moved.jobs(Verb.REPROTECT)) == 1


def test_towards_a_site_that_is_lost_it_ends_soon_and_protection_can_be_ended(moved):
    """As the page about dead sites has it."""
    moved.appliances.destroy(A)
    began = moved.clock.monotonic()
    assert moved.run(Verb.COMMIT).job.state == "succeeded"
    while moved.state() is State.REPROTECTING:
        moved.clock.pass_by(2)
        moved.engine.run_until_idle()
    assert moved.clock.monotonic() - began < 300
    assert [job.state for job in moved.jobs(Verb.REPROTECT)] == ["failed"]
    job_id = moved.submit(Verb.DISABLE_PROTECTION)
    for _ in range(60):
        moved.engine.run_until_idle()
        moved.clock.pass_by(2)
    assert moved.tree(job_id).job.state == "succeeded"


@pytest.mark.slow
def test_a_vault_that_dies_anywhere_begins_it_once():
    nth = 2
    while True:
        nth += 7
        left = [nth]

        def die(name, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise Killed(name)

        with folder_in_memory() as folder:
            verbs = Verbs(folder)
            turned(verbs)
            verbs.protect()
            verbs.run(Verb.PLANNED_FAILOVER)
            job_id = verbs.submit(Verb.COMMIT)
            with seams.armed(die):
                try:
                    verbs.settle(job_id)
                except Killed:
                    verbs.close()
                    verbs.open()
            verbs.settle(job_id)
            assert [job.state for job in verbs.jobs(Verb.REPROTECT)] == ["succeeded"], nth
            assert (verbs.state(), verbs.machine().source_site) == (State.PROTECTED, "b"), nth
            verbs.close()
        if left[0] > 0:
            assert nth > 10
            return


def test_by_itself_too_it_does_not_shut_down_the_only_copy_that_runs(moved):
    machine_id = moved.machine().id
    moved.appliances.copies.stop(machine_id, B)
    moved.appliances.copies.run(machine_id, A)
    moved.run(Verb.COMMIT)
    (job,) = moved.jobs(Verb.REPROTECT)
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert "the only copy that is on" in job.error.message
    assert moved.appliances.running(machine_id) == [A]
    assert moved.state() is State.COMMITTED
