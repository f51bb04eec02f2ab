"""Windows and offsets as people type them, and the RPO as bars."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from secondsite.cli import amount_options, rpo_plot, schedules
from secondsite.cli.app import app
from secondsite.domain import errors
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.rest import RpoSample

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_window_names_days_times_and_a_rate():
    window = schedules.window("mon-fri,sun 08:00-18:00 20MB")
    assert window.days == ("mon", "tue", "wed", "thu", "fri", "sun")
    assert (window.begins, window.ends, window.bytes_per_second) == ("08:00", "18:00", 20_000_000)
    assert schedules.window("fri-mon 22:00-06:00 unlimited").days == ("fri", "sat", "sun", "mon")
    assert len(schedules.window("daily 00:00-24:00 1MB").days) == 7
    assert schedules.shown_window(window) == "mon,tue,wed,thu,fri,sun 08:00-18:00 20 MB/s"
    assert schedules.window(schedules.shown_window(window)) == window


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+60", 60), ("-300", -300), ("0", 0), ("+01:00", 60), ("UTC-03:30", -210), ("utc", 0)],
)
def test_an_offset_is_read_in_minutes_or_as_it_is_shown(text, minutes):
    assert schedules.utc_offset(text) == minutes
    assert schedules.utc_offset(schedules.shown_offset(BandwidthShape(utc_offset_minutes=minutes))) == minutes


@pytest.mark.parametrize(
    "read",
    [
        lambda: schedules.window("daily 08:00-18:00 20Mb"),
        lambda: schedules.window("08:00-18:00 20MB"),
        lambda: schedules.window("someday 08:00-18:00 20MB"),
        lambda: schedules.utc_offset("CET"),
        lambda: schedules.utc_offset("+1"),  # an hour, to whoever types it
        lambda: schedules.utc_offset("-5"),
        lambda: amount_options.whole_seconds("1.5s"),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(read):
    with pytest.raises(errors.InvalidArgument) as refused:
        read()
    assert refused.value.do


def test_a_retention_says_its_unit_since_a_forgotten_one_would_delete_all_but_seconds():
    with pytest.raises(errors.InvalidArgument) as refused:
        amount_options.retention("24")
    assert "24h, 24d" in refused.value.do
    assert [amount_options.retention(each) for each in ("24h", "90s", "0", 40)] == [86400, 90, 0, 40]


@pytest.mark.parametrize("option", ["--rpo-threshold", "--rto-goal"])
@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_threshold_and_a_goal_say_their_unit_since_a_forgotten_one_would_be_seconds(verb, option):
    said = CliRunner().invoke(app, ["policy", verb, "gold", option, "10"])
    assert isinstance(said.exception, errors.InvalidArgument)
    assert said.exception.do == "Say which: 10m, 10h, or 10s."
    assert [amount_options.minutes(each) for each in ("10m", "10s", "0", 40)] == [600, 10, 0, 40]


def series(ages):
    return [
        RpoSample(at=NOW + timedelta(seconds=10 * n), seconds=age, sent_seconds=1, processed_seconds=None)
        for n, age in enumerate(ages)
    ]


def test_the_plot_shows_bars_the_threshold_and_figures():
    lines = list(rpo_plot.lines(series([*range(100), None]), 60, 40))
    assert "█" in lines[5]
    assert any("╌" in line and line.strip().startswith("1 min") for line in lines)
    figures = "\n".join(lines)
    assert "min 0 s, median 49 s, p99 1 min 38 s, max 1 min 39 s" in figures
    assert "processed  nothing yet" in figures
    assert "exceeded 39.0% of the time" in figures
    assert max(len(line) for line in lines[:6]) <= 60


@pytest.mark.parametrize("ages", [[3], [None, None], [0, 0, 0], [10**6, 1]])
@pytest.mark.parametrize("threshold", [None, 1, 900])
def test_a_series_of_any_kind_is_drawn(ages, threshold):
    assert len(list(rpo_plot.lines(series(ages), threshold, 30))) >= 10


def test_a_percentile_is_a_value_that_was_measured():
    values = list(range(1, 101))
    assert [rpo_plot.percentile(values, at) for at in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
