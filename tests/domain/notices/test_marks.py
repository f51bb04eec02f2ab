"""What a target is told of a finding that comes, goes, and comes again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.health import HealthFinding
from secondsite.domain.notices import happenings, marks
from secondsite.domain.notices.happenings import Kind
from secondsite.domain.notices.marks import Key, Pace
from secondsite.domain.notices.targets import QuietHours

START = datetime(2026, 11, 23, tzinfo=UTC)
KEY = Key("m1", "rpo-exceeded")
REPEAT = timedelta(minutes=60)
FOUND = happenings.finding_came("web01", "m1", HealthFinding("rpo-exceeded", "It is old.", START))


def told(history, tells_ends=True):
    """What is told, by minute, of a finding that is there at each minute or not; and what is known at the
    end."""
    known: dict[Key, marks.Mark] = {}
    said: list[tuple[int, happenings.Happening]] = []
    for minute, is_there in enumerate(history):
        pace = Pace(START + timedelta(minutes=minute), REPEAT, tells_ends)
        for turn in marks.turns(pace, dict(known), {KEY: FOUND} if is_there else {}):
            if turn.mark is None:
                del known[turn.key]
            else:
                known[turn.key] = turn.mark
            if turn.told is not None:
                said.append((minute, turn.told))
    return said, known


def kinds(history, **how):
    return [(minute, each.kind) for minute, each in told(history, **how)[0]]


def test_one_that_stays_is_told_once_however_long():
    assert kinds([True] * 300) == [(0, Kind.FINDING)]


def test_its_end_is_told_at_once_and_it_is_forgotten_after_the_interval():
    said, known = told([True] * 5 + [False] * 100)
    assert [(minute, each.kind) for minute, each in said] == [(0, Kind.FINDING), (5, Kind.GONE)]
    assert known == {}
    assert kinds([True, False, False], tells_ends=False) == [(0, Kind.FINDING)]


def test_one_that_comes_back_after_the_interval_is_told_again():
    assert kinds([True, False] + [False] * 60 + [True]) == [
        (0, Kind.FINDING),
        (1, Kind.GONE),
        (62, Kind.FINDING),
    ]


def test_one_that_flaps_is_told_when_the_interval_is_over_with_how_often_it_came():
    said, _ = told([True, False] * 30 + [True] * 10)
    assert [(minute, each.kind) for minute, each in said] == [
        (0, Kind.FINDING),
        (1, Kind.GONE),
        (60, Kind.AGAIN),
    ]
    assert "30 times more" in said[-1][1].what
    assert "is there now" in said[-1][1].what


def test_one_that_flapped_and_is_over_is_told_so():
    said, known = told([True, False, True, False] + [False] * 200)
    assert [(minute, each.kind) for minute, each in said][2:] == [(60, Kind.AGAIN)]
    assert "once more" in said[-1][1].what
    assert "over now" in said[-1][1].what
    assert known == {}


@given(st.lists(st.booleans(), max_size=400))
def test_of_whatever_happens_little_is_told_and_nothing_is_kept_back(history):
    said, known = told([*history, *[False] * 130])
    assert known == {}
    appearances = [minute for minute, each in said if each.kind in (Kind.FINDING, Kind.AGAIN)]
    assert all(later - earlier >= 60 for earlier, later in pairwise(appearances))
    assert len(said) <= 2 * len(appearances)
    if any(history):
        assert said[0] == (history.index(True), FOUND)
        ended = said[-1][1]
        assert ended.kind is Kind.GONE or "over now" in ended.what
    else:
        assert said == []


def test_quiet_hours_go_past_midnight():
    night, noon = QuietHours("22:00", "07:00"), QuietHours("12:00", "13:00")
    at = {hour: START.replace(hour=hour) for hour in range(24)}
    assert [hour for hour in at if night.cover(at[hour])] == [0, 1, 2, 3, 4, 5, 6, 22, 23]
    assert [hour for hour in at if noon.cover(at[hour])] == [12]
