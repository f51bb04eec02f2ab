"""Jobs that the release of 2026-11-20 left half-way go on under this one: their steps were named by their
titles."""

from datetime import UTC, datetime

import pytest

from secondsite.domain.lifecycle import DrillState, State
from tests.support.released import HALF_WAY
from tests.vault.support_appliances import A
from tests.vault.support_operations import Verbs, folder_in_memory

NAMES = [
    "enable", "failover", "planned", "drill", "cleanup", "change", "commit", "cancel", "reprotect", "resync",
    "include", "exclude", "disable", "leave", "verify", "batch-a", "batch-b", "undo", "retry",
]  # fmt: skip
WAITED = {
    ("enable_protection", "enable"): ("import_seed", "Import of the seed"),
    ("failover", "failover"): ("start", "Start"),
    ("planned_failover", "planned"): ("failover", "Failover"),
    ("test_failover", "drill"): ("start", "Start"),
    ("cleanup_test_failover", "cleanup"): ("remove_network", "Remove the test network"),
    ("change_recovery_point", "change"): ("start", "Start"),
    ("commit", "commit"): ("commit", "Commit"),
    ("cancel_failover", "cancel"): ("start", "Start"),
    ("reprotect", "reprotect"): ("reverse_replication", "Reverse replication"),
    ("resynchronize", "resync"): ("start", "Start resynchronization"),
    ("include_disk", "include"): ("enable_replication", "Enable replication"),
    ("exclude_disk", "exclude"): ("release", "Release at the target"),
    ("disable_protection", "disable"): ("remove_replica", "Remove replica"),
    ("end_replication_later", "leave"): ("stop_replication", "Stop replication"),
    ("verify_point", "verify"): ("verify", "Verify recovery point"),
    ("several_machines", "batch-a, batch-b"): ("machines", "Machines"),
    ("failover", "batch-a"): ("start", "Start"),
    ("failover", "batch-b"): ("start", "Start"),
    ("test_failover", "undo"): ("start", "Undo: Start"),
}
"""What each job was waiting in."""
LEADS_TO = {
    "enable": State.PROTECTED,
    "failover": State.FAILED_OVER,
    "planned": State.PLANNED_FAILED_OVER,
    "drill": State.PROTECTED,
    "cleanup": State.PROTECTED,
    "change": State.FAILED_OVER,
    "commit": State.COMMITTED,
    "cancel": State.PROTECTED,
    "reprotect": State.PROTECTED,
    "resync": State.PROTECTED,
    "include": State.PROTECTED,
    "exclude": State.PROTECTED,
    "disable": State.UNPROTECTED,
    "batch-a": State.FAILED_OVER,
    "batch-b": State.FAILED_OVER,
    "undo": State.PROTECTED,
    "retry": State.UNPROTECTED,
}


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES, older=HALF_WAY.read_text())
        verbs.appliances.copies.run(verbs.machine("resync").id, A)
        yield verbs
        verbs.close()


def moving(verbs):
    return {(job.name, job.subject_name): job.id for job in verbs.jobs() if not job.state.ended}


def test_their_steps_are_found_by_key_and_shown_under_the_titles_they_had(verbs):
    waited = {
        job: next((task.key, task.title) for task in verbs.tree(job_id).tasks if task.state == "waiting")
        for job, job_id in moving(verbs).items()
    }
    assert waited == WAITED


def test_they_go_on_to_their_ends(verbs):
    ids = moving(verbs)
    verbs.rest()
    ended = {job: str(verbs.tree(job_id).job.state) for job, job_id in ids.items()}
    assert ended.pop(("test_failover", "undo")) == "failed", "it undoes what failed"
    assert set(ended.values()) == {"succeeded"}, ended
    assert {name: verbs.state(name) for name in LEADS_TO} == LEADS_TO


def test_they_go_on_from_what_they_had_found_out(verbs):
    verbs.rest()
    cycle = verbs.appliances.points[verbs.machine("planned").id, 1][-1]
    assert verbs.machine("planned").failed_over_point_id == cycle.id
    assert verbs.machine("drill").drill_state is DrillState.RUNNING
    assert verbs.machine("drill").drill.network_made
    assert verbs.machine("undo").drill_state is DrillState.NONE
    assert verbs.machine("include").disks == ("vda", "vdb")
    assert verbs.machine("reprotect").source_site == "b"
    with verbs.store.reading() as tx:
        notes = [note.notes for note in tx.drill_notes.list(verbs.machine("cleanup").id)]
    assert notes == ["it boots"]


def test_one_that_failed_is_retried(verbs):
    verbs.rest()
    failed = next(job for job in verbs.jobs() if job.subject_name == "retry")
    assert verbs.retry(failed.id).job.state == "succeeded"
    assert verbs.state("retry") is State.PROTECTED


def test_when_a_machine_was_drilled_last_is_known_of_its_notes():
    noted = (
        "INSERT INTO drill_notes (machine_id, notes, point_id, started_at, completed_at, requested_by)"
        " SELECT id, '', 'p', '2026-11-0{day} 08:00:00.000000', '2026-11-0{day} 09:00:00.000000', 'ada' FROM "
        "machines WHERE name = 'batch-a';"
    )
    with folder_in_memory() as folder:
        older = HALF_WAY.read_text() + noted.format(day=3) + noted.format(day=2)
        verbs = Verbs(folder, NAMES, older=older)
        assert verbs.machine("batch-a").drilled_at == datetime(2026, 11, 3, 9, tzinfo=UTC)
        assert verbs.machine("batch-b").drilled_at is None
        verbs.close()
