"""Which instants can be recovered, by the names of the cycles alone."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain import errors, journal
from secondsite.domain.journal import JournaledCycle
from secondsite.domain.points import RecoveryPoint

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(second):
    return NOON + timedelta(seconds=second)


def point(seq, **more):
    return RecoveryPoint(f"p{seq}", at(seq), epoch=1, seq=seq, **more)


def cycles(*seqs, after=None):
    """Each applied on the one before; the first on `after`, or on its predecessor in number."""
    return [
        JournaledCycle(seq, before, at(seq))
        for before, seq in zip([after or seqs[0] - 1, *seqs], seqs, strict=False)
    ]


def found(known, second):
    recovery = journal.find(known, at(second))
    return recovery.point.id, [cycle.seq for cycle in recovery.cycles]


def test_an_instant_is_the_newest_point_before_it_and_the_cycles_between():
    known = journal.stretches([point(1), point(5)], cycles(2, 3, 4, 5, 6, 7))
    assert [(each.begins_at, each.ends_at, each.cycles) for each in known] == [(at(1), at(7), 5)]
    assert found(known, 1) == ("p1", [])
    assert found(known, 4) == ("p1", [2, 3, 4])
    assert found(known, 4.9) == ("p1", [2, 3, 4])
    assert found(known, 5) == ("p5", [])
    assert found(known, 7) == ("p5", [6, 7])


def test_a_damaged_or_committed_point_is_no_base_but_its_cycle_is_gone_through():
    known = journal.stretches([point(1), point(3, damaged=True)], cycles(2, 3, 4))
    assert found(known, 4) == ("p1", [2, 3, 4])
    assert journal.stretches([point(1, committed=True)], cycles(2)) == ()


def test_a_broken_run_ends_what_is_possible_until_the_next_point():
    known = journal.stretches([point(1), point(6)], [*cycles(2, 3), *cycles(5), *cycles(7, 8)])
    assert [(each.begins_at, each.ends_at) for each in known] == [(at(1), at(3)), (at(6), at(8))]
    for second in (4, 5, 5.9):
        with pytest.raises(errors.NotFound) as refusal:
            journal.find(known, at(second))
        assert "from 2026-11-20T12:00:01.000Z to 2026-11-20T12:00:03.000Z and from" in refusal.value.message


def test_a_pause_in_which_nothing_was_processed_is_no_gap():
    known = journal.stretches([point(1)], cycles(2, 60))
    assert found(known, 59) == ("p1", [2])


def test_what_is_said_to_be_possible_is_possible():
    base = RecoveryPoint("p1", at(1.2345678), epoch=1, seq=1)
    known = journal.stretches([base], [JournaledCycle(2, 1, at(2.9876543))])
    with pytest.raises(errors.NotFound) as refusal:
        journal.find(known, at(99))
    _, _, span = refusal.value.message.partition("from ")
    first, last = span.rstrip(".").split(" to ")
    assert journal.find(known, datetime.fromisoformat(first)).cycles == ()
    assert journal.find(known, datetime.fromisoformat(last)).point.id == "p1"


def test_before_the_first_and_after_the_last_instant_nobody_knows():
    known = journal.stretches([point(1)], cycles(2))
    for second in (0.9, 2.1):
        with pytest.raises(errors.NotFound, match="any cycle from"):
            journal.find(known, at(second))
    with pytest.raises(errors.NotFound, match="the journal holds no cycles"):
        journal.find(journal.stretches([point(1)], []), at(3))


def test_a_clock_that_was_set_back_hides_no_cycle_that_came_after():
    back = JournaledCycle(4, 3, at(2.5))
    known = journal.stretches([point(1)], [*cycles(2, 3), back])
    assert found(known, 2.7) == ("p1", [2, 3, 4])
    assert found(known, 3) == ("p1", [2, 3, 4])
