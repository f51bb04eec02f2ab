"""Who is left out of a run, by names that machines have now."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans import run_selection
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.domain.plans.run_selection import MemberSituation, RunRequest


def machine(number, name):
    return PlanMachine(f"id-{number}", name, "a", "b")


def taken(then, now, *leave_out):
    """Names of machines that a failover takes, with the names that they had and have; None: not protected
    any more."""
    members = tuple(machine(number, name) for number, name in enumerate(then))
    standing = {
        f"id-{number}": MemberSituation(members[number])
        if name is None
        else MemberSituation(machine(number, name), State.PROTECTED)
        for number, name in enumerate(now)
    }
    plan = RecoveryPlan("shop", (PlanGroup(members),))
    found = run_selection.take(plan, standing, RunRequest(Verb.FAILOVER, leave_out=frozenset(leave_out)))
    return [standing[each.id].machine.name for group in found.groups for each in group.machines]


def test_a_renamed_machine_is_left_out_by_the_name_that_is_shown():
    assert taken(["db01", "web01"], ["db-new", "web01"], "db-new") == ["web01"]


def test_a_former_name_leaves_out_no_machine_beside_the_one_that_has_it_now():
    assert taken(["web01", "x"], ["web-old", "web01"], "web01") == ["web-old"]


def test_a_machine_whose_protection_ended_is_left_out_by_its_former_name():
    assert taken(["db01", "web01"], [None, "web01"], "db01") == ["web01"]


def test_an_id_leaves_out_one_machine_of_several_with_a_name():
    assert taken(["web01", "web01", "db01"], ["web01", "web01", "db01"], "id-1") == ["web01", "db01"]


def test_a_name_that_several_have_leaves_nobody_out():
    with pytest.raises(errors.InvalidArgument) as refused:
        taken(["web01", "web01", "db01"], ["web01", "web01", "db01"], "web01")
    assert "id-0, id-1" in refused.value.do
