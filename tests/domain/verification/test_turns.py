"""What a site gives to copies that are only looked at, and whose turn it is."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain import errors, verification_budget
from secondsite.domain.verification_budget import VerificationBudget, VerificationCandidate

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("begins", "ends", "opens"),
    [
        ("00:00", "24:00", range(24)),
        ("22:00", "06:00", [22, 23, *range(6)]),
        ("08:00", "10:00", [8, 9]),
        ("05:00", "05:00", range(24)),
    ],
)
def test_the_hours_may_go_past_midnight(begins, ends, opens):
    given = VerificationBudget(every_days=1, begins=begins, ends=ends)
    found = [hour for hour in range(24) if verification_budget.is_open(given, NOW.replace(hour=hour))]
    assert found == sorted(opens)
    assert not verification_budget.is_open(VerificationBudget(begins=begins, ends=ends), NOW)


def test_there_is_room_by_number_and_by_memory():
    given = VerificationBudget(at_once=2, memory_bytes=100)
    assert verification_budget.has_room(given, [], 100)
    assert verification_budget.has_room(given, [60], 40)
    assert not verification_budget.has_room(given, [60], 41)
    assert not verification_budget.has_room(given, [1, 1], 1)
    assert verification_budget.has_room(VerificationBudget(), [], 1 << 60)


def test_a_machine_that_would_wait_for_ever_is_refused_with_what_to_do():
    with pytest.raises(errors.NotPossibleNow, match="web01 has 200 B") as refused:
        verification_budget.require_possible(VerificationBudget(memory_bytes=100), "b", "web01", 200)
    assert "site verify b --memory" in refused.value.do


@pytest.mark.parametrize(
    "wrong", [{"every_days": 91}, {"at_once": 0}, {"network": "lan"}, {"begins": "25:00"}]
)
def test_what_nobody_can_mean_is_refused(wrong):
    with pytest.raises(errors.InvalidArgument):
        VerificationBudget(**wrong)


def test_who_was_looked_at_longest_ago_is_first_and_who_was_not_long_ago_has_no_turn():
    asked = [
        VerificationCandidate("c", NOW - 3 * DAY),
        VerificationCandidate("b", NOW - 9 * DAY),
        VerificationCandidate("d"),
        VerificationCandidate("a", NOW - 8 * DAY, tried_at=NOW - MINUTE),
        VerificationCandidate("e", NOW + DAY),
    ]
    assert verification_budget.due(asked, 7, NOW) == ["d", "b", "e"]
    assert verification_budget.due(asked, 7, NOW + 15 * MINUTE) == ["d", "b", "a", "e"]
