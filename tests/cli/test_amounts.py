"""Rates, windows and spans as people type them, and the RPO as bars."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.cli import amounts, rpo_plot
from secondsite.domain import errors
from secondsite.wire.rest import RpoSample

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100MB", 100_000_000),
        ("1.5 GiB/s", 3 * 2**29),
        ("200Mbit", 25_000_000),
        ("65536", 65536),
        ("unlimited", None),
        ("80 mbps", 80_000_000),
    ],
)
def test_a_rate_is_read_as_people_write_it(text, rate):
    assert amounts.rate(text) == rate


def test_a_window_names_days_times_and_a_rate():
    window = amounts.window("mon-fri,sun 08:00-18:00 20MB")
    assert window.days == ("mon", "tue", "wed", "thu", "fri", "sun")
    assert (window.begins, window.ends, window.bytes_per_second) == ("08:00", "18:00", 20_000_000)
    assert amounts.window("fri-mon 22:00-06:00 unlimited").days == ("fri", "sat", "sun", "mon")
    assert len(amounts.window("daily 00:00-24:00 1MB").days) == 7
    assert amounts.shown_window(window) == "mon,tue,wed,thu,fri,sun 08:00-18:00 20.0 MB/s"


def test_an_offset_and_a_span_are_read():
    assert [amounts.utc_offset(each) for each in ("+60", "-300", "0")] == [60, -300, 0]
    assert [amounts.span(each).total_seconds() for each in ("90", "15min", "2h", "7d")] == [
        90,
        900,
        7200,
        604800,
    ]


@pytest.mark.parametrize(
    "read",
    [
        lambda: amounts.rate("fast"),
        lambda: amounts.rate("10 parsecs"),
        lambda: amounts.window("08:00-18:00 20MB"),
        lambda: amounts.window("someday 08:00-18:00 20MB"),
        lambda: amounts.utc_offset("CET"),
        lambda: amounts.span("a while"),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(read):
    with pytest.raises(errors.InvalidArgument) as refused:
        read()
    assert refused.value.do


def series(ages):
    return [
        RpoSample(at=NOW + timedelta(seconds=10 * n), rpo_seconds=age, sent_seconds=1, processed_seconds=None)
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
