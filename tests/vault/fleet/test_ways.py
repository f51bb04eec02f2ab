"""Where the two halves of a way meet: who is let in there, and how many."""

import pytest

from secondsite.domain import errors
from secondsite.domain.drills.ways import MOST_OF_ONE
from secondsite.vault.fleet.ways import Ways
from secondsite.wire.control import WayHello


@pytest.fixture
def ways():
    return Ways()


def dial(ways, expected, **other):
    said = {"appliance_id": "b1", "way": expected.id, "secret": expected.secret} | other
    return ways.meet(WayHello(**said), lambda: None)


def test_the_halves_meet_once(ways):
    way = ways.expect("w1", "b1", "ann")
    theirs = dial(ways, way)
    assert way.met.is_set()
    with way.line, theirs:
        theirs.send(b"hello")
        assert way.line.recv(5) == b"hello"
    assert dial(ways, way) is None


@pytest.mark.parametrize(
    "other",
    [{"appliance_id": "a1"}, {"secret": "0" * 64}, {"way": "w2"}],
    ids=lambda other: next(iter(other)),
)
def test_an_appliance_that_was_not_asked_is_not_let_in(ways, other):
    way = ways.expect("w1", "b1", "ann")
    assert dial(ways, way, **other) is None
    assert not way.met.is_set()
    ways.leave("w1")
    way.line.close()


def test_a_way_that_its_person_has_left_is_not_met_and_its_appliance_hears_of_the_leaving(ways):
    way, left = ways.expect("w1", "b1", "ann"), []
    ways.leave("w1")
    assert dial(ways, way) is None
    other = ways.expect("w2", "b1", "ann")
    hello = WayHello(appliance_id="b1", way="w2", secret=other.secret)
    theirs = ways.meet(hello, lambda: left.append("w2"))
    ways.leave("w2")
    assert left == ["w2"]
    for each in (way.line, other.line, theirs):
        each.close()


def test_a_person_has_few_ways_at_once(ways):
    mine = [ways.expect(f"w{number}", "b1", "ann") for number in range(MOST_OF_ONE)]
    with pytest.raises(errors.NotPossibleNow, match="has 4 ways open"):
        ways.expect("more", "b1", "ann")
    mine.append(ways.expect("other", "b1", "bob"))
    ways.leave("w0")
    mine.append(ways.expect("next", "b1", "ann"))
    for each in mine:
        ways.leave(each.id)
        each.line.close()
