"""What can be a recovery plan."""

from typing import Any

import pytest

from secondsite.domain import errors
from secondsite.domain.plans.actions import MOST_ACTIONS, Action
from secondsite.domain.plans.directions import Direction, FailoverKind
from secondsite.domain.plans.plan import Limits, PlanGroup, PlanMachine, RecoveryPlan, check


def group(*names, **actions):
    return PlanGroup(tuple(PlanMachine(f"id-{name}", name, "a", "b") for name in names), **actions)


def plan(*groups, name="shop"):
    return RecoveryPlan(name, groups)


def refused(made, limits=Limits()):  # noqa: B008 - frozen
    with pytest.raises(errors.InvalidArgument) as problem:
        check(made, limits)
    return problem.value


def test_groups_of_machines_are_a_plan():
    made = plan(group("db01", "db02"), group("web01"))
    check(made, Limits())
    assert [machine.name for machine in made.machines] == ["db01", "db02", "web01"]


def test_an_eighth_group_and_a_101st_machine_are_refused_unless_the_setting_says_more():
    eight = plan(*(group(f"m{number}") for number in range(8)))
    assert "at most 7 groups here, not 8" in refused(eight).message
    assert "plan_groups" in refused(eight).do
    check(eight, Limits(groups=8))
    many = plan(group(*(f"m{number}" for number in range(101))))
    assert "at most 100 machines here, not 101" in refused(many).message
    check(many, Limits(machines=101))


def test_a_machine_stands_once_in_a_plan():
    assert "web01 (id-web01)" in refused(plan(group("web01"), group("db01", "web01"))).message
    assert "web01" in refused(plan(group("web01", "web01"))).message


def test_machines_of_one_name_are_two_machines():
    other = PlanGroup((PlanMachine("another", "web01", "a", "b"),))
    check(plan(group("web01"), other), Limits())


def test_a_group_without_a_machine_and_a_plan_without_a_group_are_refused():
    assert "Group 2 has no machine" in refused(plan(group("db01"), group())).message
    assert "needs a group" in refused(plan()).message


@pytest.mark.parametrize("name", ["", "Shop", "shop 1", "-shop", "s" * 64, "shop/1"])
def test_a_name_that_is_no_name_is_refused(name):
    assert "cannot be the name of a plan" in refused(plan(group("db01"), name=name)).message


def test_an_action_is_for_every_kind_and_direction_unless_it_says_less():
    action = Action("Traffic", "Move the traffic")
    assert (action.kinds, action.directions) == (tuple(FailoverKind), tuple(Direction))


def test_what_is_no_action_is_refused():
    for values in (
        {"name": " "}, {"name": "x" * 81}, {"instruction": ""}, {"instruction": "x" * 2001},
        {"kinds": ()}, {"directions": ()},
    ):  # fmt: skip
        with pytest.raises(errors.InvalidArgument):
            made: Any = {"name": "Traffic", "instruction": "Move it", **values}
            Action(**made)
    action = Action("Traffic", "Move it")
    too_many = plan(group("db01", after=(action,) * (MOST_ACTIONS + 1)))
    assert "Group 1 has 21 actions" in refused(too_many).message


def test_a_script_in_a_guest_comes_after_the_group_that_starts_the_guest():
    in_db = Action("Open", script="open-shop", guest="id-db01")
    check(plan(group("db01", after=(in_db,)), group("web01", before=(in_db,))), Limits())
    for early in (plan(group("db01", before=(in_db,))), plan(group("web01", after=(in_db,)), group("db01"))):
        assert "The guest of action 'Open' has not been started" in refused(early).message


def test_a_guest_is_named_for_a_script_only():
    with pytest.raises(errors.InvalidArgument, match="no script"):
        Action("Open", "Open the shop", guest="id-db01")
