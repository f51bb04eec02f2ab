"""The lifecycle against what the requirements ask of it, written down here by hand: state by state, verb by
verb.

A machine is where `ALLOWED`, `VERBS` and `OUTCOMES` say, and nowhere else. They come from
docs/requirements.md (S-137) and the decisions there; none of it is computed from the table.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import allowed_operations, errors, lifecycle, lifecycle_page
from secondsite.domain.lifecycle import DrillState, Event, State, Verb

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lifecycle.md"

ALLOWED = {
    "unprotected": ["enable_protection"],  # S-004
    "enabling": [],
    "initial_replicating": [],  # S-049: no planned failover yet
    "protected": [
        "disable_protection",  # ours: the documents leave it open
        "test_failover",  # S-085
        "failover",  # S-005
        "planned_failover",  # S-145, S-195
        "resynchronize",  # ours
        "include_disk",  # ours
        "exclude_disk",  # ours
        "update_names",  # ours: names that a move could not change
        "settle",  # ours
        "move_replica",  # ours: another host of the site keeps its replica
    ],
    "failing_over": [],  # S-141, C-02: a failover in progress is not cancelled
    "failover_failed": ["disable_protection", "failover", "cancel_failover"],  # C-02, C-03: never a dead item
    "failed_over": [
        "disable_protection",
        "change_recovery_point",
        "commit",
        "update_names",
        "move_replica",
    ],  # S-155, S-157; S-207: only a planned one is cancelled
    "changing_recovery_point": [],
    "committing": [],
    "committed": ["disable_protection", "reprotect", "update_names", "settle"],  # S-156, S-163
    "reprotecting": [],
    "planned_failing_over": [],
    "planned_failed_over": [
        "disable_protection",  # ours: a commit that began and cannot end
        "change_recovery_point",
        "commit",
        "cancel_failover",
        "update_names",
        "move_replica",
    ],  # S-164, S-203, S-205
    "planned_changing_recovery_point": [],
    "planned_committing": [],
    "cancelling": [],
    # S-216; ours: the source may have died meanwhile, or all that is shown is long ago, as in a restored
    # vault
    "cancel_failed": ["disable_protection", "failover", "cancel_failover"],
    "disabling": [],
    "disable_failed": ["disable_protection"],  # ours
}
"""What a person may start, per state, while no test failover is open."""

VERBS = {
    ("unprotected", "enable_protection"): "enabling",
    ("protected", "disable_protection"): "disabling",
    ("protected", "failover"): "failing_over",
    ("protected", "planned_failover"): "planned_failing_over",
    ("protected", "resynchronize"): "protected",
    ("protected", "include_disk"): "protected",
    ("protected", "exclude_disk"): "protected",
    ("protected", "update_names"): "protected",
    ("failed_over", "update_names"): "failed_over",
    ("planned_failed_over", "update_names"): "planned_failed_over",
    ("committed", "update_names"): "committed",
    ("protected", "settle"): "protected",
    ("committed", "settle"): "committed",
    ("protected", "move_replica"): "protected",
    ("failed_over", "move_replica"): "failed_over",
    ("planned_failed_over", "move_replica"): "planned_failed_over",
    ("failover_failed", "disable_protection"): "disabling",
    ("failover_failed", "failover"): "failing_over",
    ("failover_failed", "cancel_failover"): "cancelling",
    ("failed_over", "change_recovery_point"): "changing_recovery_point",
    ("failed_over", "commit"): "committing",
    ("failed_over", "disable_protection"): "disabling",
    ("committed", "disable_protection"): "disabling",
    ("committed", "reprotect"): "reprotecting",
    ("planned_failed_over", "disable_protection"): "disabling",
    ("planned_failed_over", "change_recovery_point"): "planned_changing_recovery_point",
    ("planned_failed_over", "commit"): "planned_committing",
    ("planned_failed_over", "cancel_failover"): "cancelling",
    ("cancel_failed", "failover"): "failing_over",
    ("cancel_failed", "cancel_failover"): "cancelling",
    ("cancel_failed", "disable_protection"): "disabling",
    ("disable_failed", "disable_protection"): "disabling",
}
"""Where a verb leads at once."""

OUTCOMES = {
    "enabling": ("initial_replicating", "unprotected"),  # S-049
    "initial_replicating": ("protected", "unprotected"),  # S-050
    "failing_over": ("failed_over", "failover_failed"),  # S-139; C-02
    "changing_recovery_point": ("failed_over", "failed_over"),  # S-155
    "committing": ("committed", "failed_over"),  # S-158
    "reprotecting": ("protected", "committed"),  # S-173, S-174
    "planned_failing_over": ("planned_failed_over", "cancelling"),  # S-196, S-215: it cancels itself
    "planned_changing_recovery_point": ("planned_failed_over", "planned_failed_over"),  # S-203
    "planned_committing": ("committed", "planned_failed_over"),  # S-164
    "cancelling": ("protected", "cancel_failed"),  # S-210, S-214
    "disabling": ("unprotected", "disable_failed"),  # ours
}
"""Where a job leads that goes well, and one that fails."""

FOUND_IN = {
    "enabling": {"unprotected"},
    "initial_replicating": set(),
    "failing_over": {"protected", "failover_failed", "cancel_failed"},
    "changing_recovery_point": {"failed_over"},
    "committing": {"failed_over"},
    "reprotecting": {"committed"},
    "planned_failing_over": {"protected"},
    "planned_changing_recovery_point": {"planned_failed_over"},
    "planned_committing": {"planned_failed_over"},
    "cancelling": {"failover_failed", "planned_failed_over", "cancel_failed"},
    "disabling": {
        "protected",
        "committed",
        "failed_over",
        "planned_failed_over",
        "failover_failed",
        "cancel_failed",
        "disable_failed",
    },
}
"""Where a job whose check fails leaves the machine: where it was found (ours)."""

CANCELABLE = {"enabling", "initial_replicating", "reprotecting"}
"""Where the job may be cancelled; of a failover never (C-02)."""

DURING_DRILL = {
    ("protected", "starting"): [
        "failover",
        "planned_failover",
        "resynchronize",
        "include_disk",
        "exclude_disk",
        "update_names",
        "move_replica",
    ],
    ("protected", "running"): [
        "cleanup_test_failover",  # S-113
        "failover",  # ours: a disaster does not wait for a drill
        "planned_failover",
        "resynchronize",
        "include_disk",
        "exclude_disk",
        "update_names",
        "move_replica",
    ],
    ("protected", "cleaning"): [
        "failover",
        "planned_failover",
        "resynchronize",
        "include_disk",
        "exclude_disk",
        "update_names",
        "move_replica",
    ],
    ("protected", "cleanup_failed"): [
        "cleanup_test_failover",
        "failover",
        "planned_failover",
        "resynchronize",
        "include_disk",
        "exclude_disk",
        "update_names",
        "move_replica",
    ],
    ("failed_over", "running"): [
        "cleanup_test_failover",
        "change_recovery_point",
        "update_names",
        "move_replica",
    ],
    ("planned_failed_over", "running"): [
        "cleanup_test_failover",
        "change_recovery_point",
        "cancel_failover",
        "update_names",
        "move_replica",
    ],
    ("committed", "running"): ["cleanup_test_failover", "update_names"],
    ("failing_over", "running"): ["cleanup_test_failover"],
    ("disable_failed", "running"): ["cleanup_test_failover"],
}
"""What a person may start while a test failover is open: nothing that would take its layers away."""

DRILL_OUTCOMES = {
    ("none", "test_failover"): "starting",
    ("starting", "succeeded"): "running",
    ("starting", "failed"): "none",
    ("running", "cleanup_test_failover"): "cleaning",
    ("cleaning", "succeeded"): "none",
    ("cleaning", "failed"): "cleanup_failed",
    ("cleanup_failed", "cleanup_test_failover"): "cleaning",
}


def test_the_page_in_the_docs_is_the_table():
    assert PAGE.read_text() == lifecycle_page.render(), (
        "render it: python -m secondsite.domain.lifecycle_page > docs/reference/lifecycle.md"
    )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_a_verb_is_accepted_exactly_where_the_requirements_allow_it(state, verb):
    if verb.value in ALLOWED[state.value]:
        lifecycle.require(verb, "web01", state)
        return
    with pytest.raises(errors.NotPossibleNow) as refused:
        lifecycle.require(verb, "web01", state)
    assert "web01" in refused.value.message
    assert all(allowed in refused.value.do for allowed in ALLOWED[state.value])


def test_of_several_machines_all_that_hinder_a_verb_are_named():
    """They were told of one at a time."""
    there = [("web01", State.FAILED_OVER, DrillState.NONE), ("db01", State.PROTECTED, DrillState.NONE)]
    allowed_operations.require_all(Verb.FAILOVER, there[1:])
    with pytest.raises(errors.NotPossibleNow, match="possible for machine 'web01' in state failed_over"):
        allowed_operations.require_all(Verb.FAILOVER, there)
    drilled = ("app01", State.COMMITTED, DrillState.RUNNING)
    both = "web01 is failed_over; app01 is committed \\(test failover running\\)"
    with pytest.raises(errors.NotPossibleNow, match=both):
        allowed_operations.require_all(Verb.FAILOVER, [*there, drilled])


@pytest.mark.parametrize("state", State)
def test_faces_are_shown_what_is_allowed(state):
    assert [verb.value for verb in lifecycle.allowed_operations(state)] == ALLOWED[state.value]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_a_verb_leads_where_the_requirements_say(state, verb):
    expected = VERBS.get((state.value, verb.value))
    if expected is None:
        with pytest.raises(errors.NotPossibleNow):
            lifecycle.after(state, verb)
        return
    row = lifecycle.after(state, verb)
    assert (row.next.value, row.turns) == (expected, False)


@pytest.mark.parametrize("state", State)
def test_a_job_leads_where_the_requirements_say(state):
    if state.value not in OUTCOMES:
        assert not lifecycle.is_moving(state)
        for event in Event:
            with pytest.raises(errors.NotPossibleNow):
                lifecycle.after(state, event)
        return
    well, badly = OUTCOMES[state.value]
    assert lifecycle.is_moving(state)
    event = Event.ENABLED if state is State.ENABLING else Event.SUCCEEDED
    assert lifecycle.after(state, event).next.value == well
    assert lifecycle.after(state, event).turns is (state is State.REPROTECTING), "direction turns there alone"
    assert lifecycle.after(state, Event.FAILED).next.value == badly
    assert lifecycle.MOVING[state].cancelable is (state.value in CANCELABLE)


@pytest.mark.parametrize("state", OUTCOMES)
@pytest.mark.parametrize("came_from", [*State, None])
def test_a_failed_check_leaves_the_machine_where_it_was_found(state, came_from):
    left = lifecycle.after_failed_check(State(state), came_from)
    found = came_from is not None and came_from.value in FOUND_IN[state]
    assert left is (came_from if found else State(OUTCOMES[state][1]))


@pytest.mark.parametrize(("state", "drill"), DURING_DRILL)
def test_an_open_drill_holds_back_only_what_would_take_its_layers(state, drill):
    allowed = lifecycle.allowed_operations(State(state), DrillState(drill))
    assert [verb.value for verb in allowed] == DURING_DRILL[state, drill]


@pytest.mark.parametrize("state", DrillState)
@pytest.mark.parametrize("trigger", [*Verb, *Event])
def test_a_drill_goes_where_the_requirements_say(state, trigger):
    expected = DRILL_OUTCOMES.get((state.value, trigger.value))
    if expected is None:
        with pytest.raises(errors.NotPossibleNow):
            lifecycle.drill_after(state, trigger)
    else:
        assert lifecycle.drill_after(state, trigger).value == expected


def test_the_end_of_a_job_is_where_it_comes_to_rest():
    ends = {state.value: (way.target.value, way.on_failure.value) for state, way in lifecycle.MOVING.items()}
    assert ends == {**OUTCOMES, "enabling": ("protected", "unprotected")}


def broken(change):
    """The table with some rows changed or (None) left out."""
    return [row for row in map(change, lifecycle.TABLE) if row is not None]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda row: None if (row.state, row.trigger) == (State.COMMITTING, Event.FAILED) else row,
            "committing",
        ),
        (lambda row: None if row.trigger is Verb.REPROTECT else row, "cannot be reached"),
        (lambda row: None if row.state is State.CANCEL_FAILED else row, "cannot be left"),
        (
            lambda row: replace(row, state=State.PROTECTED) if row.state is State.COMMITTED else row,
            "two rows",
        ),
        (
            lambda row: replace(row, state=State.COMMITTING) if row.trigger is Verb.REPROTECT else row,
            "a job owns the machine",
        ),
        (
            lambda row: (
                replace(row, next=State.PLANNED_FAILING_OVER)
                if (row.state, row.trigger) == (State.CANCELLING, Event.FAILED)
                else row
            ),
            "never comes to rest",
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_at_import(change, complaint):
    with pytest.raises(AssertionError, match=complaint):
        lifecycle.check_table(broken(change), lifecycle.moving_states(broken(change)))


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60))
def test_any_walk_of_verbs_and_outcomes_comes_to_rest_and_can_go_on(choices):
    state = State.UNPROTECTED
    for pick, succeeds in choices:
        allowed = [verb for verb in ALLOWED[state.value] if (state.value, verb) in VERBS]
        state = lifecycle.after(state, Verb(allowed[pick % len(allowed)])).next
        for _ in range(4):
            if state.value not in OUTCOMES:
                break
            state = lifecycle.after(state, _outcome(state, succeeds)).next
        assert state.value not in OUTCOMES


def _outcome(state, succeeds):
    if state is State.ENABLING and succeeds:
        return Event.ENABLED
    return Event.SUCCEEDED if succeeds else Event.FAILED
