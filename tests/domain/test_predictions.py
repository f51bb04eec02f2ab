"""How long it will take, from how long it took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import predictions
from secondsite.domain.lifecycle import Verb
from secondsite.domain.predictions import LIKE, NEWEST, Took

TIMES = st.floats(0, 1e6)
HISTORIES = st.lists(st.builds(Took, st.sampled_from(sorted(LIKE)), TIMES, st.none() | TIMES), max_size=30)


def test_the_newest_runs_of_the_verb_itself_say_it():
    runs = [Took(Verb.FAILOVER, seconds) for seconds in (5, 3, 4, 9, 6, 500)]
    found = predictions.predict(Verb.FAILOVER, [Took(Verb.TEST_FAILOVER, 1), *runs])
    assert found is not None
    assert (found.verb, found.runs, found.seconds) == (Verb.FAILOVER, 5, 5)
    assert (found.least_seconds, found.most_seconds) == (3, 9)


def test_where_there_was_none_drills_say_it_and_are_named():
    found = predictions.predict(
        Verb.FAILOVER, [Took(Verb.CHANGE_RECOVERY_POINT, 9), Took(Verb.TEST_FAILOVER, 2)]
    )
    assert found is not None
    assert (found.verb, found.seconds) == (Verb.TEST_FAILOVER, 2)


def test_drills_do_not_say_how_long_a_machine_takes_to_move_without_loss():
    assert predictions.predict(Verb.PLANNED_FAILOVER, [Took(Verb.TEST_FAILOVER, 2)]) is None
    moved = predictions.predict(Verb.PLANNED_FAILOVER, [Took(Verb.PLANNED_FAILOVER, 20, 6)])
    assert moved is not None
    assert (moved.seconds, moved.down_seconds) == (20, 6)


@given(st.sampled_from(sorted(Verb)), HISTORIES)
def test_a_prediction_lies_within_the_newest_runs_of_its_verb(verb, history):
    found = predictions.predict(verb, history)
    usable = {verb, *LIKE.get(verb, ())} if verb in LIKE else set()
    assert (found is not None) == any(each.verb in usable for each in history)
    if found is not None:
        runs = [each.seconds for each in history if each.verb is found.verb][:NEWEST]
        assert found.runs == len(runs)
        assert found.least_seconds == min(runs) <= found.seconds <= max(runs) == found.most_seconds


@pytest.mark.parametrize(
    ("groups", "together"),
    [([[3.0, 5.0], [2.0]], 7.0), ([[3.0, None], [2.0]], None), ([], None), ([[0.0]], 0.0)],
)
def test_groups_follow_each_other_and_wait_for_their_slowest(groups, together):
    assert predictions.together(groups) == together
