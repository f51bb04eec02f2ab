"""How fast a site may send, by the hour of its week."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import bandwidth_schedule, errors
from secondsite.domain.bandwidth_schedule import DAYS, BandwidthSchedule, Window, rate_at
from secondsite.ground.units import MiB
from secondsite.wire.common.bandwidth import BandwidthShape

pytestmark = pytest.mark.always

FRIDAY = datetime(2026, 11, 20, tzinfo=UTC)
WORKDAYS = DAYS[:5]

rates = st.none() | st.integers(bandwidth_schedule.LEAST_BYTES_PER_SECOND, 10**10)
times = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
windows = st.builds(
    Window,
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=7).map(tuple),
    times,
    times | st.just("24:00"),
    rates,
)
schedules = st.builds(
    BandwidthSchedule, rates, st.lists(windows, max_size=4).map(tuple), st.integers(-840, 840)
)
moments = st.integers(-(10**9), 10**9).map(lambda seconds: FRIDAY + timedelta(seconds=seconds))


def at(hour, minute=0, days=0):
    return FRIDAY + timedelta(days=days, hours=hour, minutes=minute)


def test_a_window_holds_from_its_first_minute_to_before_its_last():
    schedule = BandwidthSchedule(100 * MiB, (Window(WORKDAYS, "08:00", "18:00", 20 * MiB),))
    assert rate_at(schedule, at(7, 59)) == 100 * MiB
    assert rate_at(schedule, at(8)) == 20 * MiB
    assert rate_at(schedule, at(17, 59)) == 20 * MiB
    assert rate_at(schedule, at(18)) == 100 * MiB
    assert rate_at(schedule, at(12, days=1)) == 100 * MiB


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins():
    schedule = BandwidthSchedule(MiB, (Window(("fri",), "22:00", "06:00", None),))
    assert rate_at(schedule, at(5)) == MiB
    assert rate_at(schedule, at(23)) is None
    assert rate_at(schedule, at(5, days=1)) is None
    assert rate_at(schedule, at(23, days=1)) == MiB


def test_times_are_those_of_the_sites_clocks():
    schedule = BandwidthSchedule(None, (Window(("fri",), "00:00", "24:00", MiB),), utc_offset_minutes=60)
    assert rate_at(schedule, at(-1)) == MiB
    assert rate_at(schedule, at(23)) is None


def test_the_first_window_that_is_open_holds():
    both = (Window(DAYS, "10:00", "12:00", None), Window(DAYS, "00:00", "24:00", MiB))
    assert rate_at(BandwidthSchedule(2 * MiB, both), at(11)) is None
    assert rate_at(BandwidthSchedule(2 * MiB, both), at(13)) == MiB


@given(schedules, moments)
def test_the_rate_is_one_that_the_schedule_names_and_returns_every_week(schedule, now):
    rate = rate_at(schedule, now)
    assert rate in {schedule.bytes_per_second, *(window.bytes_per_second for window in schedule.windows)}
    assert rate_at(schedule, now + timedelta(days=7)) == rate


@given(st.lists(st.sampled_from(DAYS), min_size=1, unique=True), times, times, rates, moments)
def test_a_window_is_open_for_its_length_on_each_of_its_days(days, begins, ends, rate, now):
    begin, end = bandwidth_schedule.seconds_of_day(begins), bandwidth_schedule.seconds_of_day(ends)
    length = (end - begin) % 86400 or 86400
    window = Window(tuple(days), begins, ends, rate)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    opens_at = midnight + timedelta(seconds=begin)
    if DAYS[midnight.weekday()] in days:
        for inside in (0, length // 2, length - 1):
            moment = opens_at + timedelta(seconds=inside)
            second = (moment - moment.replace(hour=0, minute=0, second=0)).seconds
            assert window.is_open(moment.weekday(), second)
    open_seconds = sum(window.is_open(day, minute * 60) for day in range(7) for minute in range(1440)) * 60
    assert open_seconds == length * len(days)


@given(schedules, st.integers(1, 5), moments)
def test_appliances_that_share_a_schedule_keep_it_together(schedule, parties, now):
    whole, part = rate_at(schedule, now), rate_at(bandwidth_schedule.shared(schedule, parties), now)
    assert (whole is None) == (part is None)
    if whole is not None:
        assert part * parties <= whole or part == bandwidth_schedule.LEAST_BYTES_PER_SECOND


@given(schedules)
def test_a_schedule_crosses_a_process_unchanged(schedule):
    text = BandwidthShape.of(schedule).model_dump_json()
    assert BandwidthShape.model_validate_json(text).to_domain() == schedule


@pytest.mark.parametrize(
    "make",
    [
        lambda: BandwidthSchedule(0),
        lambda: BandwidthSchedule(None, (), 900),
        lambda: BandwidthSchedule(None, (Window(DAYS, "00:00", "01:00", None),) * 101),
        lambda: Window((), "08:00", "18:00", None),
        lambda: Window(("monday",), "08:00", "18:00", None),
        lambda: Window(("mon",), "8:00", "18:00", None),
        lambda: Window(("mon",), "08:00", "24:01", None),
        lambda: Window(("mon",), "08:00", "18:00", 1000),
    ],
)
def test_what_makes_no_schedule_is_refused_with_what_to_do(make):
    with pytest.raises(errors.InvalidArgument) as refused:
        make()
    assert refused.value.do
