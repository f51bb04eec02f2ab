"""Exactly the choices that a verb has: of one machine, and of a plan (S-071, S-072, S-076)."""

import pytest

from secondsite.domain import errors, verb_choices
from secondsite.domain.lifecycle import Verb

SINGLE = ["latest", "latest_processed", "latest_app_consistent", "latest_verified"]
COMMON = ["latest_multi_vm_processed", "latest_multi_vm_app_consistent"]
FROM_A_POINT = (Verb.FAILOVER, Verb.TEST_FAILOVER, Verb.CHANGE_RECOVERY_POINT)


@pytest.mark.parametrize("verb", FROM_A_POINT)
def test_a_machine_has_its_own_and_a_member_of_a_group_the_common_ones_too(verb):
    assert list(verb_choices.of_machine(verb, is_grouped=False, comes_home=False)) == [
        *SINGLE,
        "custom",
    ]
    assert list(verb_choices.of_machine(verb, is_grouped=True, comes_home=True)) == [
        *SINGLE,
        *COMMON,
        "custom",
    ]


@pytest.mark.parametrize("verb", FROM_A_POINT)
def test_a_plan_has_no_named_point_and_common_ones_if_a_machine_has_some(verb):
    assert list(verb_choices.of_plan(verb, is_grouped=False, comes_home=False)) == SINGLE
    assert list(verb_choices.of_plan(verb, is_grouped=True, comes_home=False)) == [*SINGLE, *COMMON]


def test_only_the_way_home_has_a_second_kind_in_a_planned_failover():
    planned = Verb.PLANNED_FAILOVER
    for is_grouped in (False, True):
        assert list(verb_choices.of_machine(planned, is_grouped, comes_home=False)) == ["latest"]
        assert list(verb_choices.of_plan(planned, is_grouped, comes_home=False)) == ["latest"]
    alone, member = ["latest", "latest_app_consistent"], ["latest", "latest_multi_vm_app_consistent"]
    assert list(verb_choices.of_machine(planned, is_grouped=False, comes_home=True)) == alone
    assert list(verb_choices.of_machine(planned, is_grouped=True, comes_home=True)) == [
        *alone,
        member[1],
    ]
    assert list(verb_choices.of_plan(planned, is_grouped=False, comes_home=True)) == alone
    assert list(verb_choices.of_plan(planned, is_grouped=True, comes_home=True)) == member


def test_a_verb_that_starts_from_no_point_has_none():
    with pytest.raises(errors.InvalidArgument, match="No recovery point is chosen for commit"):
        verb_choices.of_machine(Verb.COMMIT, is_grouped=False, comes_home=False)
    with pytest.raises(errors.InvalidArgument) as refused:
        verb_choices.of_plan(Verb.REPROTECT, is_grouped=True, comes_home=False)
    assert "planned_failover" in refused.value.do
