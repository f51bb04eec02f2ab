"""When a scheduled test failover is due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain import errors
from secondsite.domain.drills import schedules
from secondsite.domain.drills.schedules import DrillSchedule
from secondsite.domain.plans.plan import PlanMachine

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEB = PlanMachine("m1", "web01", "a", "b")
MONTHLY = DrillSchedule("monthly", 30, "02:00", machines=(WEB,))


def test_the_first_turn_is_the_next_time_of_that_day():
    assert schedules.first_at(MONTHLY, NOON) == NOON + 14 * HOUR
    assert schedules.first_at(replace(MONTHLY, at="12:01"), NOON) == NOON + timedelta(minutes=1)
    assert schedules.first_at(replace(MONTHLY, at="12:00"), NOON) == NOON + DAY


@pytest.mark.parametrize("late", [timedelta(0), 3 * HOUR, 100 * DAY], ids=str)
def test_a_turn_comes_once_however_late_it_was_started(late):
    due_at = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    started = due_at + late
    following = schedules.next_at(MONTHLY, due_at, started)
    assert started + 29 * DAY < following <= started + 30 * DAY
    assert (following.hour, following.minute) == (2, 0)


@pytest.mark.parametrize("every_days", [1, 7])
@pytest.mark.parametrize("late", [HOUR / 4, 23 * HOUR], ids=str)
def test_a_turn_that_waited_past_midnight_does_not_cost_the_next_one_nor_move_its_day(every_days, late):
    """A nightly drill behind another one ran each second night, and a weekly one came a day later each
    week."""
    nightly = replace(MONTHLY, every_days=every_days, at="23:55")
    due_at = datetime(2026, 11, 20, 23, 55, tzinfo=UTC)
    assert schedules.next_at(nightly, due_at, due_at + late) == due_at + every_days * DAY


def test_a_turn_that_a_person_starts_early_counts_as_the_one_of_that_day():
    due_at = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
    assert schedules.next_at(MONTHLY, due_at, NOON) == datetime(2026, 12, 20, 2, 0, tzinfo=UTC)


def test_a_clock_that_was_set_back_a_little_changes_nothing_and_one_that_was_far_ahead_does_not_end_it():
    following = schedules.next_at(MONTHLY, NOON, NOON)
    assert not schedules.is_too_far(MONTHLY, following, NOON - DAY)
    assert schedules.is_too_far(MONTHLY, following + 365 * DAY, NOON)


def test_what_is_in_the_way_may_go_away_for_an_hour_after_the_turn_or_after_the_vault_began():
    assert not schedules.gives_up(NOON, NOON - DAY, NOON + HOUR / 2)
    assert schedules.gives_up(NOON, NOON - DAY, NOON + HOUR)
    assert not schedules.gives_up(NOON - 10 * DAY, NOON, NOON + HOUR / 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"machines": ()},
        {"plan": "shop"},
        {"machines": (WEB, WEB)},
        {"at": "2:00"},
        {"at": "24:00"},
        {"subnet": "10.9.0.0/24", "network": "lab"},
        {"subnet": "everywhere"},
    ],
    ids=str,
)
def test_what_cannot_be_a_schedule_is_refused(changes):
    with pytest.raises(errors.InvalidArgument):
        schedules.check(replace(MONTHLY, **changes))
    schedules.check(MONTHLY)
