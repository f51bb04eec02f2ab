"""A budget for the downtime: kept before the machine is shut down, or it is not shut down; and what it was
in the end is told."""

from datetime import UTC, datetime

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.prediction.timing import Part
from secondsite.vault.operations.planned_failover import CameUp
from secondsite.vault.store import RunTimeRecord
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A
from tests.vault.support_operations import said

BEFORE = {Part.SHUT_DOWN: 8.0, Part.LAST_CHANGES: 4.0, Part.START: 12.0, Part.PREPARE: 3.0}


@pytest.fixture
def moved_before(verbs):
    """web01 went from a to b in 24 s once."""
    verbs.protect()
    with verbs.store.transaction() as tx:
        tx.run_times.add(
            [
                RunTimeRecord(
                    "job", verbs.machine().id, Verb.PLANNED_FAILOVER, "a", "b",
                    datetime(2026, 11, 1, tzinfo=UTC), BEFORE,
                    24.0, None,
                )
            ]
        )  # fmt: skip
    return verbs


def orders_of(verbs):
    return [kind for _, kind, _ in verbs.appliances.given]


def test_changes_are_sent_until_the_rest_fits_and_then_it_is_moved(moved_before):
    moved_before.appliances.cycle_seconds = 4.0
    job = moved_before.run(Verb.PLANNED_FAILOVER, at_most_down_seconds=30)
    assert job.job.state == "succeeded", job
    assert moved_before.appliances.pre_copied.until_seconds == (30 - 8 - 12) / 2
    assert "it was down for" in said(job, "Start").sentence
    down = CameUp.model_validate(said(job, "Start").facts).down_seconds
    began = next(task.started_at for task in job.tasks if task.key == "shut_down")
    assert down == pytest.approx((said(job, "Start").ended_at - began).total_seconds(), abs=2)


def test_one_that_writes_too_fast_is_not_shut_down_and_is_protected_on(moved_before):
    moved_before.appliances.cycle_seconds = 5.1
    job = moved_before.run(Verb.PLANNED_FAILOVER, at_most_down_seconds=30)
    assert "It was not shut down" in job.job.error.message
    assert Kind.SHUT_DOWN not in orders_of(moved_before)
    assert (moved_before.state(), moved_before.appliances.running(moved_before.machine().id)) == (
        State.PROTECTED,
        [A],
    )


def test_a_budget_that_shutdown_and_start_need_alone_is_refused_before_anything_is_sent(moved_before):
    job = moved_before.run(Verb.PLANNED_FAILOVER, at_most_down_seconds=20)
    assert "alone took 20 s" in job.job.error.message
    assert Kind.PRE_COPY not in orders_of(moved_before)
    assert moved_before.state() is State.PROTECTED


def test_without_any_run_before_nothing_is_promised(verbs):
    verbs.protect()
    job = verbs.run(Verb.PLANNED_FAILOVER, at_most_down_seconds=60)
    assert "cannot be promised" in job.job.error.message
    assert Kind.PRE_COPY not in orders_of(verbs)


def test_a_downtime_that_was_longer_after_all_is_said(moved_before, monkeypatch):
    start = moved_before.appliances._start_replica  # noqa: SLF001 it takes its time

    def slow(*order):
        moved_before.clock.pass_by(90)
        return start(*order)

    monkeypatch.setattr(moved_before.appliances, "_start_replica", slow)
    job = moved_before.run(Verb.PLANNED_FAILOVER, at_most_down_seconds=60)
    assert job.job.state == "succeeded"
    assert "more than the 1 min that were wanted" in said(job, "Start").sentence


def test_without_a_budget_the_downtime_is_told_all_the_same(verbs):
    verbs.protect()
    job = verbs.run(Verb.PLANNED_FAILOVER)
    assert "it was down for" in said(job, "Start").sentence
    assert "more than" not in said(job, "Start").sentence
    assert verbs.appliances.pre_copied.until_seconds is None
