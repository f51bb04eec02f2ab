"""The weekly report is due once a week, whatever happens to clocks and processes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from secondsite.domain import errors
from secondsite.domain.notices import weekly
from secondsite.domain.notices.weekly import WEEK

MONDAY = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
WHEN = "monday 07:00"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Vault:
    """Keeps what was told last, as the store does; its lived time never goes ahead of what passed."""

    def __init__(self, now):
        self.now = self.lived = now
        self.told, self.kept = [], None

    def look(self, when=WHEN):
        turn = weekly.turn(self.kept, when, self.now, self.lived)
        if turn is not None:
            self.kept = turn.told
            if turn.is_due:
                self.told.append(self.now)

    def pass_by(self, span, step=HOUR):
        for _ in range(span // step):
            self.now, self.lived = self.now + step, min(self.lived + step, self.now + step)
            self.look()

    def set_clock(self, by):
        self.now += by
        self.lived = min(self.lived, self.now)
        self.look()


def test_a_time_that_was_set_waits_for_its_first_turn_and_each_week_has_one():
    vault = Vault(MONDAY + HOUR)
    vault.look()
    assert vault.told == []
    vault.pass_by(3 * WEEK)
    assert vault.told == [MONDAY + WEEK, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK]


def test_of_turns_that_were_missed_only_the_last_is_told():
    vault = Vault(MONDAY)
    vault.look()
    vault.now = vault.lived = MONDAY + 3 * WEEK + 2 * DAY
    vault.look()
    vault.look()
    assert vault.told == [MONDAY + 3 * WEEK + 2 * DAY]
    vault.pass_by(5 * DAY)
    assert vault.told[1:] == [MONDAY + 4 * WEEK]


@pytest.mark.parametrize("jump", [10 * DAY, 400 * DAY, -10 * DAY, -400 * DAY])
def test_a_jump_that_is_taken_back_tells_no_turn_twice(jump):
    vault = Vault(MONDAY + DAY)
    vault.look()
    vault.pass_by(WEEK)
    assert len(vault.told) == 1
    vault.set_clock(jump)
    vault.pass_by(2 * HOUR)
    vault.set_clock(-jump)
    before = len(vault.told)
    assert before <= 2
    vault.pass_by(2 * HOUR)
    assert len(vault.told) == before
    vault.pass_by(2 * WEEK)
    assert before < len(vault.told) <= before + 2


def test_a_clock_that_stays_set_back_tells_again_after_a_week():
    vault = Vault(MONDAY + DAY)
    vault.look()
    vault.set_clock(-timedelta(days=30))
    vault.pass_by(2 * WEEK)
    assert 1 <= len(vault.told) <= 2


def test_another_day_waits_for_its_own_first_turn():
    vault = Vault(MONDAY + DAY)
    vault.look()
    vault.look("tuesday 06:00")
    assert vault.told == []
    vault.now = vault.lived = vault.now + WEEK
    vault.look("tuesday 06:00")
    assert len(vault.told) == 1


INSTANTS = some.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC))  # noqa: DTZ001


@given(some.sampled_from(weekly.DAYS), some.integers(0, 23), some.integers(0, 59), INSTANTS)
def test_the_last_turn_lies_in_the_week_before_at_that_time(day, hour, minute, now):
    found = weekly.last_turn(f"{day} {hour:02}:{minute:02}", now)
    assert now - WEEK < found <= now
    assert (weekly.DAYS[found.weekday()], found.hour, found.minute) == (day, hour, minute)


@given(some.lists(some.integers(-5000, 5000).map(lambda each: each * HOUR), max_size=8))
def test_no_turn_is_told_twice_within_a_week_of_lived_time(jumps):
    vault = Vault(MONDAY)
    vault.look()
    for jump in jumps:
        vault.set_clock(jump)
        turns = len(vault.told)
        vault.look()
        assert len(vault.told) == turns


@pytest.mark.parametrize("when", ["", "monday", "07:00", "Monday 07:00", "monday 24:00", "monday 7:00"])
def test_what_is_no_day_and_time_is_refused(when):
    with pytest.raises(errors.InvalidArgument, match="no day of the week"):
        weekly.check(when)
