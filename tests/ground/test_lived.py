"""Time that was lived through: a clock that jumps makes nothing old, and nothing stays for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.ground.lived_time import LONG_AGO, LivedClock

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Host:
    """Its clock can be set, and its monotonic one cannot."""

    def __init__(self) -> None:
        self.set = timedelta()
        self.passed = 0.0

    def clock(self) -> datetime:
        return START + self.set + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def lived(self, kept: datetime | None = START) -> LivedClock:
        made = LivedClock(self.clock, self.monotonic)
        made.follow(kept)
        return made


@pytest.fixture
def host():
    return Host()


def test_it_goes_with_the_clock(host):
    lived = host.lived()
    host.passed += 1000.0
    assert lived() == host.clock()


def test_whoever_asks_between_two_rounds_sets_nothing_back(host):
    """A vault whose time was asked for every few seconds lived a third of it."""
    lived, kept = host.lived(), START
    for _ in range(100):
        for _ in range(10):
            host.passed += 3.0
            assert lived() == host.clock()
        kept = lived.follow(kept)
        assert kept == host.clock()


def test_before_what_was_kept_is_followed_nothing_is_old(host):
    assert LivedClock(host.clock, host.monotonic)() == LONG_AGO


@pytest.mark.parametrize("days", [10, 400])
def test_a_clock_that_was_ahead_makes_nothing_old(host, days):
    lived = host.lived()
    host.set = days * DAY
    host.passed += 100.0
    assert lived() <= START + timedelta(seconds=110)
    host.set = timedelta()
    assert lived() == host.clock()


def test_a_start_with_a_clock_that_is_ahead_makes_nothing_old(host):
    host.set = 400 * DAY
    assert host.lived()() == START


def test_what_was_off_catches_up(host):
    host.set = DAY
    lived = host.lived()
    host.passed += 5 * DAY.total_seconds()
    assert lived() == START + 5.5 * DAY
    host.passed += 6 * DAY.total_seconds()
    assert lived() == host.clock()


def test_what_was_written_by_a_clock_that_was_behind_is_as_young_as_it_is(host):
    lived = host.lived()
    host.set = -10 * DAY
    written_at = host.clock()
    assert lived() == written_at
    host.set = timedelta()
    host.passed += 60.0
    assert lived() - written_at <= timedelta(seconds=66)


def test_one_of_several_whose_clock_is_wrong_makes_nothing_old_for_the_others(host):
    one, other = host.lived(), Host()
    wrong = other.lived()
    other.set = 10 * DAY
    kept = START
    for _ in range(50):
        host.passed = other.passed = host.passed + 30.0
        for lived in (one, wrong):
            kept = lived.follow(kept)
    assert kept <= START + timedelta(seconds=50 * 33)


def test_several_go_no_faster_than_one(host):
    several = [host.lived() for _ in range(4)]
    host.set, kept = 10 * DAY, START
    for number in range(100):
        host.passed += 30.0
        kept = several[number % 4].follow(kept)
    assert kept <= START + timedelta(seconds=3300)


def test_one_whose_clock_is_behind_sets_it_back_for_all(host):
    one, other = host.lived(), Host()
    behind = other.lived()
    other.set = -10 * DAY
    assert one.follow(behind.follow(START)) == START - 10 * DAY
    assert one() == START - 10 * DAY
