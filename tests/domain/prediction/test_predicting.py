"""How long a run will take is the median of the machine's last five; what stands for it, if there are
none, is said."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.domain.prediction.predicting import UNKNOWN, Basis, Run, of_groups, predict
from secondsite.domain.prediction.timing import Part

MOVE, DRILL, FAIL = Verb.PLANNED_FAILOVER, Verb.TEST_FAILOVER, Verb.FAILOVER


def run(seconds, verb=FAIL, **others):
    return Run(verb, {Part.START: seconds, **{Part(part): each for part, each in others.items()}})


def test_the_median_of_the_last_five_with_the_least_and_the_most_of_them():
    found = predict(FAIL, [run(each) for each in (3, 9, 5, 4, 6, 1000, 1000)])
    assert (found.basis, found.runs) == (Basis.OWN, 5)
    assert (found.seconds, found.least, found.most) == (5, 3, 9)
    assert found.parts == {Part.START: 5}


def test_its_own_run_of_the_verb_goes_before_more_of_another_verb_and_of_others():
    found = predict(FAIL, [run(2, DRILL), run(3, DRILL), run(8)], [run(100)])
    assert (found.basis, found.runs, found.seconds) == (Basis.OWN, 1, 8)


@pytest.mark.parametrize(("verb", "like"), [(FAIL, DRILL), (DRILL, FAIL)])
def test_a_drill_and_a_failover_stand_for_each_other(verb, like):
    found = predict(verb, [run(2, like)], [run(100, verb)])
    assert (found.basis, found.seconds) == (Basis.OWN_LIKE, 2)


def test_a_drill_says_nothing_of_a_planned_failover():
    assert predict(MOVE, [run(2, DRILL)], [run(2, FAIL)]) == UNKNOWN


def test_other_machines_stand_for_one_without_history():
    found = predict(MOVE, [run(2, DRILL)], [run(4, MOVE), run(6, MOVE)])
    assert (found.basis, found.runs, found.seconds) == (Basis.OTHERS, 2, 5)


def test_the_downtime_of_a_move_is_without_what_is_done_while_it_runs():
    found = predict(MOVE, [run(4, MOVE, prepare=100, shut_down=10, last_changes=2, proof=50)])
    assert (found.seconds, found.downtime) == (166, 16)
    assert predict(FAIL, [run(4, shut_down=10)]).downtime is None


def test_a_part_that_a_run_did_not_have_does_not_make_it_shorter():
    found = predict(FAIL, [run(4), run(4), run(4, shut_down=30)])
    assert found.parts == {Part.SHUT_DOWN: 30, Part.START: 4}


@pytest.mark.parametrize("verb", sorted(set(Verb) - {MOVE, DRILL, FAIL}))
def test_other_verbs_are_not_predicted(verb):
    assert predict(verb, [run(2, verb)]) == UNKNOWN


def test_a_plan_takes_as_long_as_the_slowest_of_each_group():
    slow, fast = predict(FAIL, [run(5), run(9), run(7)]), predict(FAIL, [run(1)])
    found = of_groups([[slow, fast], [fast, UNKNOWN], []])
    assert (found.seconds, found.most, found.unknown) == (8, 10, 1)


def test_of_a_plan_of_which_nothing_is_known_nothing_is_said():
    found = of_groups([[UNKNOWN], [UNKNOWN]])
    assert (found.seconds, found.most, found.unknown) == (None, None, 2)
