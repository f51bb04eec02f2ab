"""A job acts only while no later one has touched its machine: late retries, and jobs of a restored database."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder, ("web01", "db01"))
        yield verbs
        verbs.close()


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


def test_a_failed_job_is_retried_days_later_if_nothing_came_after_it(verbs):
    verbs.protect()
    job_id = failed_at(verbs, Kind.START_REPLICA, Verb.FAILOVER)
    verbs.clock.pass_by(3 * 86400)
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


# ---- a restored database ---------------------------------------------------------------------------------


def backed_up(verbs):
    with (
        sqlite3.connect(f"{verbs.folder}/vault.db") as now,
        sqlite3.connect(f"{verbs.folder}/backup") as copy,
    ):
        now.backup(copy)


def restored(verbs):
    """The vault on the database of the backup, with the appliances as they are."""
    verbs.close()
    shutil.copy(f"{verbs.folder}/backup", f"{verbs.folder}/vault.db")
    for suffix in ("-wal", "-shm"):
        Path(f"{verbs.folder}/vault.db{suffix}").unlink(missing_ok=True)
    verbs.open()


@pytest.mark.parametrize("told", [False, True])
def test_a_job_of_a_restored_database_moves_no_machine_that_has_moved_on(verbs, told):
    verbs.protect()
    verbs.appliances.silent.add(Kind.RUN_CYCLE)
    job_id = verbs.submit(Verb.PLANNED_FAILOVER)
    verbs.engine.run_until_idle()
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
