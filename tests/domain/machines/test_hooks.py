"""Which hooks of a machine run, at which of its sites, and which way it goes then."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.machines import hooks
from secondsite.domain.machines.hooks import HookMoment, Side
from secondsite.wire.common.hooks import MachineHook

GIVE = MachineHook(name="give", script="give", moment="after_start")
TAKE = MachineHook(name="take", script="take", moment="before_stop")


def names(verb, *given, state=State.PROTECTED, came_from=None, reversed_=False):
    at = hooks.occasion(verb, state, came_from, reversed_=reversed_)
    return [each.name for each in hooks.meant(given or (GIVE, TAKE), at)], at.kind, at.direction


@pytest.mark.parametrize(
    ("verb", "state", "runs", "kind", "direction"),
    [
        (Verb.FAILOVER, State.PROTECTED, ["give"], "unplanned", "away"),
        (Verb.PLANNED_FAILOVER, State.PROTECTED, ["give", "take"], "planned", "away"),
        (Verb.TEST_FAILOVER, State.PROTECTED, ["give", "take"], "test", "away"),
        (Verb.CLEANUP_TEST_FAILOVER, State.PROTECTED, ["take"], "test", "away"),
        (Verb.CHANGE_RECOVERY_POINT, State.FAILED_OVER, ["give"], "unplanned", "away"),
        (Verb.CHANGE_RECOVERY_POINT, State.PLANNED_FAILED_OVER, ["give"], "planned", "away"),
        (Verb.CANCEL_FAILOVER, State.PLANNED_FAILED_OVER, ["give", "take"], "planned", "home"),
        (Verb.CANCEL_FAILOVER, State.PLANNED_FAILING_OVER, ["give", "take"], "planned", "home"),
        (Verb.CANCEL_FAILOVER, State.FAILOVER_FAILED, ["give", "take"], "unplanned", "home"),
    ],
)
def test_each_verb_runs_what_belongs_to_what_it_does(verb, state, runs, kind, direction):
    assert names(verb, state=state) == (runs, kind, direction)
    other = "home" if direction == "away" else "away"
    assert names(verb, state=state, reversed_=True) == (runs, kind, other)


def test_a_cancel_that_is_tried_again_is_of_the_kind_that_it_was():
    of = [State.FAILOVER_FAILED, State.PLANNED_FAILED_OVER]
    found = [names(Verb.CANCEL_FAILOVER, state=State.CANCEL_FAILED, came_from=each)[1] for each in of]
    assert found == ["unplanned", "planned"]


def test_hooks_are_for_their_kinds_and_directions_and_keep_their_order():
    only_home = GIVE.model_copy(update={"name": "home", "directions": ("home",)})
    only_test = GIVE.model_copy(update={"name": "test", "kinds": ("test",)})
    given = (only_home, TAKE, GIVE, only_test)
    assert names(Verb.PLANNED_FAILOVER, *given)[0] == ["take", "give"]
    assert names(Verb.PLANNED_FAILOVER, *given, reversed_=True)[0] == ["home", "take", "give"]
    assert names(Verb.TEST_FAILOVER, *given)[0] == ["take", "give", "test"]


def test_what_is_stopped_is_where_it_runs_and_what_is_started_where_it_goes():
    assert hooks.side(HookMoment.BEFORE_STOP, Verb.PLANNED_FAILOVER) is Side.SOURCE
    assert hooks.side(HookMoment.AFTER_START, Verb.PLANNED_FAILOVER) is Side.TARGET
    assert hooks.side(HookMoment.BEFORE_STOP, Verb.CANCEL_FAILOVER) is Side.TARGET
    assert hooks.side(HookMoment.AFTER_START, Verb.CANCEL_FAILOVER) is Side.SOURCE


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"moment": "after_start"}, {"home", "away"}),
        ({"moment": "after_start", "directions": ("away",)}, {"away"}),
        ({"moment": "after_start", "directions": ("home",), "kinds": ("planned",)}, {"home"}),
        ({"moment": "before_stop", "directions": ("home",), "kinds": ("planned", "unplanned")}, {"away"}),
        ({"moment": "before_stop", "directions": ("away",), "kinds": ("planned",)}, {"home"}),
        ({"moment": "before_stop", "directions": ("away",), "kinds": ("test",)}, {"away"}),
    ],
)
def test_a_script_is_needed_where_it_may_ever_run(changes, where):
    assert hooks.places(MachineHook(name="x", script="x", **changes)) == where


@pytest.mark.parametrize("changes", [{"moment": "after_start"}, {"kinds": ("test", "unplanned")}])
def test_only_what_comes_before_a_planned_failover_s_stop_can_stop_one(changes):
    with pytest.raises(ValueError, match="can stop one"):
        MachineHook(**{"name": "x", "script": "x", "moment": "before_stop", "stops": True, **changes})
