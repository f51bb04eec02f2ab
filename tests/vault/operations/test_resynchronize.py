"""A comparison mends what an old backup of somebody's database left behind, and never waits for what
nobody offers."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

ROUND = (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT)


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect()
        yield verbs
        verbs.close()


def back_up(verbs):
    with (
        contextlib.closing(sqlite3.connect(f"{verbs.folder}/vault.db")) as now,
        contextlib.closing(sqlite3.connect(f"{verbs.folder}/backup")) as copy,
    ):
        now.backup(copy)


def restore(verbs):
    """The appliances then tell what they know."""
    verbs.close()
    shutil.copy(f"{verbs.folder}/backup", f"{verbs.folder}/vault.db")
    for suffix in ("-wal", "-shm"):
        Path(f"{verbs.folder}/vault.db{suffix}").unlink(missing_ok=True)
    verbs.open()
    verbs.appliances.tell_generations()
    verbs.appliances.seal(verbs.machine().id)


def test_both_sides_are_told_their_roles_again_the_target_first(verbs):
    assert verbs.run(Verb.RESYNCHRONIZE).job.state == "succeeded"
    assert [each[:2] for each in verbs.appliances.given] == [
        (A, Kind.POWER),
        (B, Kind.PREPARE_REPLICA),
        (B, Kind.ACCEPT_CYCLES),
        (A, Kind.START_REPLICATION),
        (A, Kind.RESYNCHRONIZE),
    ]


def test_nothing_is_compared_while_the_target_keeps_its_replica_closed(verbs):
    verbs.appliances.fail(Kind.ACCEPT_CYCLES)
    assert verbs.run(Verb.RESYNCHRONIZE).job.state == "failed"
    assert [each[:2] for each in verbs.appliances.given][1:] == [(B, Kind.PREPARE_REPLICA)]
    assert verbs.state() is State.PROTECTED


def test_a_vault_that_was_restored_goes_on_in_the_epoch_that_the_sides_are_in(verbs):
    back_up(verbs)
    for verb in (*ROUND, *ROUND):
        assert verbs.run(verb).job.state == "succeeded", verb
    assert verbs.machine().epoch == 3
    restore(verbs)
    assert verbs.machine().epoch == 1
    assert verbs.run(Verb.RESYNCHRONIZE).job.state == "succeeded"
    assert verbs.machine().epoch == 3


def test_a_copy_of_a_protected_machine_is_not_protected_as_another_one(verbs):
    for verb in ROUND:
        assert verbs.run(verb).job.state == "succeeded", verb
    job = verbs.run(Verb.ENABLE_PROTECTION, source_site="b", target_site="a").job
    assert job.state == "failed"
    assert "is a copy of web01, which is under protection already" in job.error.message


def test_the_epoch_of_the_other_direction_is_not_taken_for_this_one(verbs):
    back_up(verbs)
    for verb in ROUND:
        assert verbs.run(verb).job.state == "succeeded", verb
    restore(verbs)
    verbs.submit(Verb.RESYNCHRONIZE)
    assert verbs.machine().epoch == 1


def test_a_target_gets_no_replica_of_a_machine_that_its_source_has_not(verbs):
    verbs.appliances.copies.made.discard((verbs.machine().id, A))
    verbs.appliances.given.clear()
    job = verbs.run(Verb.RESYNCHRONIZE)
    assert job.job.state == "failed"
    assert "a has no such machine" in job.job.error.message
    assert {kind for _, kind, _ in verbs.appliances.given} == {Kind.POWER}
