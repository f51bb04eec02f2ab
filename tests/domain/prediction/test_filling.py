"""When a store will be full."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.prediction.filling import FreeSpace, full_at

NOW = datetime(2026, 11, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def history(*free_bytes):
    return [FreeSpace(NOW + HOUR * number, free) for number, free in enumerate(free_bytes)]


def test_one_that_fills_evenly_is_full_when_the_line_says_so():
    found = history(*range(1000, 300, -100))
    assert found[-1].at + 4 * HOUR == full_at(found)


def test_one_that_fills_with_steps_is_full_in_about_that_time():
    at = full_at(history(1000, 1000, 800, 800, 600, 600, 400, 400))
    assert at is not None
    assert abs(at - (NOW + 11 * HOUR)) < 3 * HOUR


@pytest.mark.parametrize(
    "found",
    [
        (), (5,), (9, 8, 7), tuple(range(7)), (5,) * 9,
        tuple(10**12 - number for number in range(9)),
    ],
    ids=["nothing", "one", "too short", "it empties", "it stands", "in a century"],
)  # fmt: skip
def test_of_others_nothing_is_said(found):
    assert full_at(history(*found)) is None
