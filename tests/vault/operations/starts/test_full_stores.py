"""A full store cannot process what it took: the machine starts all the same, and nobody takes an older
point for the latest."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import said

FULL = errors.StoreFull(
    "The store of web01 is full, so 2 cycles that had arrived came into no recovery point: No space left.",
    do="Free space on the store's file system, then repeat.",
)
CHANGE = "'secondsite machine change-recovery-point web01 --choice latest'"


@pytest.fixture
def full(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.DRAIN, problem=FULL)
    return verbs


def test_a_failover_starts_from_the_newest_point_and_says_what_is_newer_where_it_is_read(full):
    job = full.run(Verb.FAILOVER)
    assert job.job.state == "succeeded"
    for sentence in (said(job, "Failover").sentence, job.job.result):
        assert "it is not the latest. The store of web01 is full, so 2 cycles that had arrived" in sentence
        assert CHANGE in sentence


def test_a_drill_says_it_too(full):
    job = full.run(Verb.TEST_FAILOVER, choice="latest")
    assert job.job.state == "succeeded"
    assert "it is not the latest. The store of web01 is full" in said(job, "Test failover").sentence


def test_with_room_the_machine_is_started_from_what_was_left(full):
    full.run(Verb.FAILOVER)
    full.appliances.mend()
    full.appliances.given.clear()
    job = full.run(Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert job.job.state == "succeeded"
    assert Kind.DRAIN in [kind for _, kind, _ in full.appliances.given]
    assert "not the latest" not in said(job, "Prerequisites check").sentence


def test_a_source_that_was_shut_down_is_not_said_to_be_on(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.RUN_CYCLE, problem=FULL)
    sentence = said(verbs.run(Verb.FAILOVER, shut_down_source=True), "Shut down").sentence
    assert "could not be shut down" not in sentence
    assert "its last changes could not be sent" in sentence
    assert "is missing at b" in sentence


def test_a_planned_move_takes_no_older_point(full):
    job = full.run(Verb.PLANNED_FAILOVER)
    assert job.job.state == "failed"
    assert full.state() == "protected", "it went back by itself"
