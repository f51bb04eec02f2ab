"""Episodes that several walkers take side by side."""

import pytest

from chaos.walks import walkers
from chaos.walks.walking import Walks


def numbered(number):
    return number


@pytest.mark.parametrize("side_by_side", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_episodes_are_taken_until_enough_are_taken_or_under_way(side_by_side):
    done: set[int] = set()

    def wanted(under_way):
        return len(done) + under_way < 5

    for number in walkers.taken(numbered, lambda number: (number,), wanted, side_by_side):
        done.add(number)
    assert done == {1, 2, 3, 4, 5}


def test_what_several_walkers_saw_is_one_report():
    one, other = Walks(7, episodes=1), Walks(7, episodes=1)
    one.steps["kill"], other.steps["kill"] = 2, 3
    one.took("kill", 0.5)
    other.took("kill", 1.0)
    one.add(other)
    assert one.as_json() == {
        "seed": 7,
        "steps": {"kill": 5},
        "seconds": {"kill": 1.5},
        "outcomes": {},
        "episodes": 2,
        "points_read": 0,
        "boots": 0,
        "copies_told": 0,
        "broken": [],
    }
