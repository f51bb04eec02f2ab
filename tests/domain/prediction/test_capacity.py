"""What protecting machines takes: measured where points tell it, else assumed; more machines never need
less."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from secondsite.domain.policies import ReplicationPolicy
from secondsite.domain.prediction import capacity
from secondsite.domain.prediction.capacity import Assumptions, Basis, Churn, Load, need, needs
from secondsite.ground.units import DAY, HOUR, MINUTE, GiB, TiB

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
POLICY = ReplicationPolicy(
    "web", rpo_threshold_seconds=15 * MINUTE, crash_consistent_every_seconds=5 * MINUTE
)
ASSUMED = Assumptions()


def load(name="web01", disk=100 * GiB, **others):
    return Load(**{"name": name, "disk_bytes": disk, "memory_bytes": 4 * GiB, "vcpus": 2, **others})


def churn(told) -> Churn:
    found = capacity.churn(told)
    assert found is not None
    return found


def points(sizes, every=5 * MINUTE, since=MIDNIGHT):
    return [(since + timedelta(seconds=every * number), size) for number, size in enumerate(sizes)]


def test_what_points_added_is_what_a_machine_writes_without_its_first_copy():
    found = churn(points([50 * GiB, *[300_000] * 288]))
    assert found.seconds == DAY
    assert found.bytes_a_day == pytest.approx(288 * 300_000)
    assert found.busiest == pytest.approx(1000)


def test_a_busy_hour_is_seen_and_the_rest_of_a_short_time_is_taken_as_its_mean():
    found = churn(points([0, *[0] * 12, *[3_000_000] * 12]))
    assert found.seconds == 2 * HOUR
    assert found.bytes_a_day == pytest.approx(12 * 3_000_000 * 12)
    assert found.busiest > 10_000


@pytest.mark.parametrize("sizes", [[], [5], [5, 5], [5] * 12])
def test_points_of_less_than_an_hour_measure_nothing(sizes):
    assert capacity.churn(points(sizes)) is None


def test_only_the_last_day_counts():
    old, young = (
        points([0] + [10**9] * 24, every=HOUR),
        points([10**6] * 24, HOUR, MIDNIGHT + timedelta(days=1, hours=1)),
    )
    assert churn([*old, *young]).bytes_a_day == pytest.approx(23 * 10**6 + 10**6)


def test_a_clock_that_was_set_back_loses_no_bytes():
    told = points([0] + [1000] * 20)
    told[10] = (told[2][0], 1000)
    assert sum(churn(told).slots) * churn(told).seconds / DAY == pytest.approx(20_000)


def test_a_machine_without_points_is_assumed_to_write_a_part_of_its_data():
    found = need(
        load(disk=1 * TiB), POLICY, Assumptions(daily_change_percent=5, used_percent=50, busiest_factor=4)
    )
    assert found.basis is Basis.ASSUMED
    assert found.base_bytes == 0.5 * TiB
    assert found.mean_rate * DAY == pytest.approx(0.025 * TiB)
    assert found.busiest_rate == pytest.approx(4 * found.mean_rate)


def test_what_is_measured_counts_whatever_is_assumed():
    measured = load(stored_bytes=10 * GiB, churn=Churn((300.0,) * capacity.SLOTS, DAY))
    few, many = (need(measured, POLICY, Assumptions(each)) for each in (0.1, 100.0))
    assert few == many
    assert (few.basis, few.mean_rate, few.base_bytes) == (Basis.MEASURED, 1.0, 10 * GiB)


def test_the_rate_for_the_goal_lets_a_burst_be_late_as_far_as_the_goal_allows():
    """300 MB in five minutes and nothing else: with ten minutes to be late, they may take fifteen."""
    burst = load(churn=Churn((300e6, *[0.0] * (capacity.SLOTS - 1)), DAY))
    assert needs([burst], POLICY, ASSUMED).goal_rate == pytest.approx(300e6 / (15 * MINUTE))


def test_a_busy_time_past_midnight_is_one_busy_time():
    around = [300e6, *[0.0] * (capacity.SLOTS - 2), 300e6]
    together = load(churn=Churn(tuple(around), DAY))
    assert needs([together], POLICY, ASSUMED).goal_rate == pytest.approx(600e6 / (20 * MINUTE))


def test_a_first_copy_ends_only_if_more_is_sent_than_written():
    found = needs([load(disk=8640 * 10**9)], POLICY, ASSUMED)
    assert found.mean_rate == pytest.approx(10**7)
    assert found.first_copy_seconds(10**7) is None
    assert found.first_copy_seconds(2 * 10**7) == pytest.approx(864_000)


def test_a_machine_that_has_a_replica_is_not_copied_again():
    found = needs([load(stored_bytes=10 * GiB)], POLICY, ASSUMED)
    assert found.first_copy_bytes == 0
    assert found.first_copy_seconds(1.0) == 0


def test_history_is_never_more_than_the_points_that_are_kept_could_hold():
    year = ReplicationPolicy("year", retention_seconds=365 * DAY)
    busy = need(load(disk=1 * GiB, churn=Churn((1e12,) * capacity.SLOTS, DAY)), year, ASSUMED)
    assert busy.history_bytes == capacity.most_points(365 * DAY) * GiB


def test_nothing_needs_nothing():
    found = needs([], POLICY, ASSUMED)
    assert (found.mean_rate, found.goal_rate, found.store_bytes, found.scratch_bytes) == (0, 0, 0, 0)
    assert found.first_copy_seconds(0) == 0


def test_a_thousand_machines_are_planned_from_their_points(record_property):
    told = points([40 * GiB, *[300_000] * 160])
    began = time.process_time()
    loads = [load(str(each), stored_bytes=40 * GiB, churn=capacity.churn(told)) for each in range(1000)]
    found = needs(loads, POLICY, ASSUMED)
    record_property("processor_seconds", round(time.process_time() - began, 3))
    assert found.mean_rate == pytest.approx(1000 * 1000, rel=0.01)
    assert found.scratch_bytes == 1000 * capacity.SCRATCH_BYTES


SIZES = some.integers(0, 2**62)
CHURNS = some.none() | some.lists(some.floats(0, 1e18), min_size=3, max_size=6).map(
    lambda told: Churn(
        tuple(told) * (capacity.SLOTS // len(told)) + (0.0,) * (capacity.SLOTS % len(told)), DAY
    )
)
LOADS = some.builds(
    Load, some.text(max_size=3), SIZES, SIZES, some.integers(0, 1024), some.none() | SIZES, CHURNS
)
POLICIES = some.builds(
    ReplicationPolicy,
    some.just("any"),
    rpo_threshold_seconds=some.integers(1, 7 * DAY),
    retention_seconds=some.integers(0, 365 * DAY),
    crash_consistent_every_seconds=some.integers(1, DAY),
    journal_seconds=some.integers(0, DAY),
)
FIGURES = (
    "mean_rate",
    "goal_rate",
    "first_copy_bytes",
    "store_bytes",
    "scratch_bytes",
    "memory_bytes",
    "vcpus",
)


@given(some.lists(LOADS, max_size=4), LOADS, POLICIES)
def test_one_machine_more_never_needs_less(loads, more, policy):
    few, many = needs(loads, policy, ASSUMED), needs([*loads, more], policy, ASSUMED)
    for name in FIGURES:
        assert getattr(many, name) >= getattr(few, name) * (1 - 1e-9), name


@given(some.lists(LOADS, min_size=1, max_size=4), POLICIES)
def test_a_longer_retention_or_a_closer_goal_never_needs_less(loads, policy):
    found = needs(loads, policy, ASSUMED)
    longer = needs(
        loads, replace(policy, retention_seconds=min(365 * DAY, policy.retention_seconds * 2)), ASSUMED
    )
    closer = needs(
        loads, replace(policy, rpo_threshold_seconds=max(1, policy.rpo_threshold_seconds // 2)), ASSUMED
    )
    assert longer.store_bytes >= found.store_bytes
    assert closer.goal_rate >= found.goal_rate


@given(some.lists(LOADS, max_size=4), POLICIES)
def test_what_keeps_the_goal_lies_between_the_mean_and_the_sum_of_the_busiest(loads, policy):
    found = needs(loads, policy, ASSUMED)
    busiest = sum(each.busiest_rate for each in found.machines)
    assert found.mean_rate * (1 - 1e-9) <= found.goal_rate <= busiest * (1 + 1e-9)


@given(some.lists(some.tuples(some.integers(-(10**9), 10**9), SIZES), max_size=40))
def test_points_of_any_clock_are_counted_without_more_bytes_than_they_have(told):
    found = capacity.churn([(MIDNIGHT + timedelta(seconds=each), size) for each, size in told])
    if found is not None:
        assert LEAST <= found.seconds <= DAY + 1
        assert (
            0
            <= sum(found.slots) * min(1.0, found.seconds / DAY)
            <= sum(size for _, size in told) * (1 + 1e-6)
        )


LEAST = capacity.LEAST_SECONDS
