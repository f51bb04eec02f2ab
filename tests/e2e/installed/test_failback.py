"""A planned move and the way home, both once in vain: what is given up leaves the machine where it was,
and nothing is lost either way."""

from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.e2e.installed.support_life import AWAY, BACK, HOME, IN_TURN, MARKS, NAME, PROTECTED

pytestmark = [*MARKS, IN_TURN]
THERE_AND_BACK = ((PROTECTED, "a", "b"), (BACK, "b", "a"))


def moved(life, source, target):
    """All that was written at its source is at its target."""
    life.rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,)))
    life.lives()
    said = life.rig.console(source, NAME).boots[-1].bye
    assert said is not None
    assert life.rig.console(target, NAME).boots[-1].verified_last == said


def test_a_move_that_is_cancelled_and_one_that_is_committed_lose_nothing_either_way(life):
    for state, source, target in THERE_AND_BACK:
        life.go_to(state)
        moved(life, source, target)
        life.rig.must(Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=(NAME,)))
        life.lives()
        assert life.state() == state
        moved(life, source, target)
    life.go_to(HOME)
    life.go_to(PROTECTED)


def test_the_second_time_away_it_starts_with_its_host_too(life):
    """It was withdrawn there from files of its replica, and has its disks at the same paths again."""
    life.go_to(AWAY).survives("b")
