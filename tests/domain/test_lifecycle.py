"""The lifecycle table, row by row and in random walks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors, lifecycle, lifecycle_page
from secondsite.domain.lifecycle import DrillState, Event, State, Verb

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lifecycle.md"


def test_the_page_in_the_docs_is_the_table():
    assert PAGE.read_text() == lifecycle_page.render(), (
        "render it: python -m secondsite.domain.lifecycle_page > docs/reference/lifecycle.md"
    )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_a_verb_is_accepted_exactly_where_the_table_allows_it(state, verb):
    if verb in lifecycle.allowed_operations(state):
        lifecycle.require(verb, "web01", state)
        return
    with pytest.raises(errors.NotPossibleNow) as refused:
        lifecycle.require(verb, "web01", state)
    assert "web01" in refused.value.message
    assert all(allowed in refused.value.do for allowed in lifecycle.allowed_operations(state))


@pytest.mark.parametrize("state", [s for s in State if not lifecycle.is_moving(s)])
def test_no_resting_state_is_a_dead_end(state):
    assert lifecycle.allowed_operations(state)


@pytest.mark.parametrize("state", lifecycle.MOVING)
def test_a_moving_machine_belongs_to_its_job(state):
    assert lifecycle.allowed_operations(state) == ()


@pytest.mark.parametrize("drill", [DrillState.RUNNING, DrillState.CLEANUP_FAILED])
def test_a_failover_is_possible_while_a_drill_is_open_but_nothing_that_takes_its_layers(drill):
    allowed = lifecycle.allowed_operations(State.PROTECTED, drill)
    assert Verb.FAILOVER in allowed
    assert Verb.CLEANUP_TEST_FAILOVER in allowed
    assert not lifecycle.REFUSED_DURING_DRILL & set(allowed)


def test_only_planned_failovers_and_dead_ones_can_be_cancelled():
    assert Verb.CANCEL_FAILOVER not in lifecycle.allowed_operations(State.FAILED_OVER)
    assert Verb.CANCEL_FAILOVER in lifecycle.allowed_operations(State.PLANNED_FAILED_OVER)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60))
def test_any_walk_of_verbs_and_outcomes_comes_to_rest_and_can_go_on(choices):
    state = State.UNPROTECTED
    for pick, succeeds in choices:
        allowed = lifecycle.allowed_operations(state)
        verbs = [v for v in allowed if v not in (Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER)]
        state = lifecycle.after(state, verbs[pick % len(verbs)]).next
        for _ in range(4):
            if not lifecycle.is_moving(state):
                break
            state = lifecycle.after(state, _outcome(state, succeeds)).next
        assert not lifecycle.is_moving(state)


def _outcome(state, succeeds):
    if state is State.ENABLING and succeeds:
        return Event.ENABLED
    return Event.SUCCEEDED if succeeds else Event.FAILED
