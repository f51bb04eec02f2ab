"""What a machine wrote between its points."""

from datetime import UTC, datetime, timedelta

from secondsite.domain.prediction.churn_series import Change, series

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def test_each_point_but_the_first_tells_what_was_written_since_the_one_before():
    found = list(series([(at(0), 999), (at(60), 5), (at(180), 7)]))
    assert found == [Change(at(60), 60.0, 5), Change(at(180), 120.0, 7)]


def test_what_came_while_the_clock_was_set_back_counts_with_the_next_point():
    found = list(series([(at(0), 999), (at(60), 5), (at(30), 2), (at(60), 1), (at(90), 7)]))
    assert found == [Change(at(60), 60.0, 5), Change(at(90), 30.0, 10)]


def test_fewer_than_two_points_tell_nothing():
    assert list(series([])) == list(series([(at(0), 5)])) == []
