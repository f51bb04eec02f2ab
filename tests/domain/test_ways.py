"""Passes for drills."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.drills.ways import DrillPass, WayKind, described

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PASS = DrillPass("1", "ann", "olga", NOW, NOW + 2 * HOUR)


@pytest.mark.parametrize(
    ("who", "since", "now", "holds"),
    [
        ("ann", NOW - HOUR, NOW, True),
        ("ann", None, NOW + HOUR, True),
        ("ann", NOW - HOUR, NOW + 2 * HOUR, False),
        ("ann", NOW - HOUR, NOW - HOUR, False),
        ("bob", NOW - HOUR, NOW, False),
        ("ann", NOW + HOUR / 2, NOW + HOUR, False),
    ],
)
def test_a_pass_is_one_persons_for_its_time(who, since, now, holds):
    """Whoever gets the name after the pass was given has no share in it."""
    assert PASS.holds(who, since, now) is holds


def test_a_way_is_told_in_words():
    said = [described(WayKind.PORT, 22), described(WayKind.CONSOLE, None), described(WayKind.SCREEN, None)]
    assert said == ["port 22", "the serial console", "the screen"]
