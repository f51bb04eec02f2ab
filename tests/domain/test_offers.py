"""What is offered can succeed; for every verb that is not, a reason and what to do."""

import dataclasses

import pytest

from secondsite.domain import allowed_operations, lifecycle
from secondsite.domain.allowed_operations import MachineSituation
from secondsite.domain.lifecycle import DrillState, State, Verb

FINE = MachineSituation(
    "web01", State.PROTECTED, DrillState.NONE, "a", "b", has_points=True, power="running", has_other_host=True
)


def refused(**changes):
    return allowed_operations.refused(dataclasses.replace(FINE, **changes))


@pytest.mark.parametrize("drill", DrillState)
@pytest.mark.parametrize("state", State)
def test_with_both_sites_there_just_what_the_table_refuses_is_refused_and_each_with_a_reason(state, drill):
    found = refused(state=state, drill=drill)
    assert set(Verb) - set(found) == set(lifecycle.allowed_operations(state, drill))
    assert all(reason.why.endswith(".") and reason.do for reason in found.values())


def test_without_its_target_a_machine_is_offered_only_the_end_of_its_protection_and_what_is_done_here():
    found = refused(away=frozenset({"b"}), has_other_host=False)
    assert set(Verb) - set(found) == {Verb.DISABLE_PROTECTION, Verb.UPDATE_NAMES, Verb.SETTLE}
    assert found[Verb.FAILOVER].why == "The appliance of site b is not connected."


def test_without_its_host_a_machine_fails_over_and_drills_where_another_one_reaches_its_store():
    found = refused(away=frozenset({"b"}), has_other_host=True)
    offered = {Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.TEST_FAILOVER, Verb.MOVE_REPLICA}
    assert offered.isdisjoint(found)
    assert offered <= set(refused(away=frozenset({"b"}), has_other_host=False))


def test_without_its_source_a_machine_can_still_fail_over_and_drill():
    found = refused(away=frozenset({"a"}))
    assert {Verb.FAILOVER, Verb.TEST_FAILOVER}.isdisjoint(found)
    assert found[Verb.PLANNED_FAILOVER].why == "The appliance of site a is not connected."


@pytest.mark.parametrize("away", ["a", "b"])
@pytest.mark.parametrize("state", [state for state in State if not lifecycle.is_moving(state)])
def test_with_one_site_away_something_is_offered_in_every_state_that_rests(state, away):
    found = refused(state=state, away=frozenset({away}))
    assert set(Verb) - set(found)


@pytest.mark.parametrize(("state", "needed"), [(State.PROTECTED, "a"), (State.COMMITTED, "b")])
def test_its_disks_settle_without_the_site_where_the_machine_does_not_run(state, needed):
    found = {site: refused(state=state, away=frozenset({site})) for site in ("a", "b")}
    assert [site for site in found if Verb.SETTLE in found[site]] == [needed]


@pytest.mark.parametrize(("state", "needed"), [(State.PROTECTED, "a"), (State.FAILED_OVER, "b")])
def test_names_need_only_the_site_where_the_machine_runs(state, needed):
    found = {site: refused(state=state, away=frozenset({site})) for site in ("a", "b")}
    assert [site for site in found if Verb.UPDATE_NAMES in found[site]] == [needed]


def test_nothing_starts_from_a_point_before_there_is_one():
    found = refused(has_points=False)
    assert set(found) >= allowed_operations.STARTS_FROM_A_POINT
    assert allowed_operations.STARTS_FROM_A_POINT.isdisjoint(refused(has_points=None))


def test_a_machine_whose_memory_is_saved_is_told_so_with_the_way_out():
    reason = refused(power="saved")[Verb.PLANNED_FAILOVER]
    assert "is saved" in reason.why
    assert "managedsave-remove" in reason.do


def test_nothing_advises_to_start_an_old_copy_whose_memory_is_saved_or_that_others_have_open():
    for power in ("saved", "elsewhere"):
        reason = refused(state=State.COMMITTED, power=power)[Verb.REPROTECT]
        assert "must not be started" in reason.do
        assert "virsh start" not in reason.do
        assert "start it here" not in reason.do


def test_a_drill_is_cleaned_up_before_protection_ends():
    found = refused(drill=DrillState.RUNNING)
    assert "cleanup-test-failover" in found[Verb.DISABLE_PROTECTION].do
    assert "cleanup-test-failover" in found[Verb.TEST_FAILOVER].do


def test_a_failover_whose_commit_has_begun_is_offered_no_way_back():
    found = refused(state=State.PLANNED_FAILED_OVER, committed=True)
    assert set(Verb) - set(found) == {Verb.COMMIT, Verb.DISABLE_PROTECTION, Verb.UPDATE_NAMES}
    assert "Commit again" in found[Verb.CANCEL_FAILOVER].do


def test_another_point_is_offered_only_where_several_instants_are_kept():
    found = refused(state=State.FAILED_OVER, has_choice=False)
    assert "no other recovery point" in found[Verb.CHANGE_RECOVERY_POINT].why
    for several in (True, None):
        assert Verb.CHANGE_RECOVERY_POINT not in refused(state=State.FAILED_OVER, has_choice=several)
