"""Scripts in a plan: run by the target's appliance between the groups, told what is going on, never twice."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.directions import FailoverKind
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.plan_runs.support_plan_runs import states
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

TRAFFIC = Action("Traffic", script="move-traffic", timeout_seconds=30)
GOOD, BAD = (
    ScriptResult(exit_status=0, output="moved\n"),
    ScriptResult(exit_status=3, output="one\ntwo\nno route\n"),
)


def test_a_script_runs_at_the_target_once_its_group_runs_and_is_told_what_happens(verbs, plan):
    verbs.appliances.scripts["move-traffic"] = GOOD
    job = verbs.run_plan(Verb.FAILOVER, plan(db={"before": (TRAFFIC,), "after": (TRAFFIC,)}))
    assert job.job.state == "succeeded"
    assert said(job, "After group 1: Traffic").sentence == "did run_script: moved"
    (at, name, before), (_, _, after) = verbs.appliances.ran
    assert (at, name, before.plan, before.run) == (B, "move-traffic", "shop", job.job.id)
    assert (before.kind, before.direction, before.is_drill, before.group) == ("unplanned", "away", False, 1)
    assert [(each.name, each.state, each.point) for each in before.machines] == [
        ("db01", State.PROTECTED, None), ("db02", State.PROTECTED, None),
    ]  # fmt: skip
    assert (before.when, after.when) == ("before", "after")
    assert all(each.state is State.FAILED_OVER and each.point for each in after.machines)
    assert {(each.from_site, each.to_site) for each in after.machines} == {("a", "b")}


def test_on_the_way_home_it_runs_at_the_home_site_with_a_context_of_the_same_form(verbs, plan):
    verbs.appliances.scripts["move-traffic"] = GOOD
    shop = plan(db={"after": (TRAFFIC,)})
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run_plan(verb, shop).job.state == "succeeded"
    (at_away, _, away), (at_home, _, home) = verbs.appliances.ran
    assert (at_away, at_home) == (B, A)
    assert (away.at_site, home.at_site) == ("b", "a")
    assert (away.direction, home.direction) == ("away", "home")
    assert away.model_dump().keys() == home.model_dump().keys()


def test_in_a_drill_it_is_told_that_it_is_one_and_the_point_of_each_copy(verbs, plan):
    verbs.appliances.scripts["move-traffic"] = GOOD
    verbs.run_plan(Verb.TEST_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    ((_, _, told),) = verbs.appliances.ran
    assert (told.is_drill, told.kind) == (True, "test")
    assert all(each.drill and each.point for each in told.machines)


def test_it_is_run_for_its_kinds_only(verbs, plan):
    verbs.appliances.scripts["move-traffic"] = GOOD
    only = Action("Traffic", script="move-traffic", kinds=(FailoverKind.PLANNED,))
    assert verbs.run_plan(Verb.FAILOVER, plan(db={"after": (only,)})).job.state == "succeeded"
    assert verbs.appliances.ran == []


def test_an_unplanned_failover_goes_on_after_a_failed_script_and_says_so(verbs, plan):
    verbs.appliances.scripts["move-traffic"] = BAD
    job = verbs.run_plan(Verb.FAILOVER, plan(db={"after": (TRAFFIC,)}))
    assert job.job.state == "partially_succeeded"
    assert states(verbs) == [State.FAILED_OVER] * 5
    assert said(job, "After group 1: Traffic").sentence == (
        "did run_script: one | two | no route; the run goes on"
    )


def test_a_planned_failover_stops_at_a_failed_script_and_the_next_run_begins_with_that(verbs, plan):
    verbs.appliances.scripts |= {"move-traffic": BAD, "first": GOOD}
    shop = plan(db={"before": (Action("First", script="first"),), "after": (TRAFFIC,)})
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert job.job.state == "failed"
    assert states(verbs) == [*[State.PLANNED_FAILED_OVER] * 2, *[State.PROTECTED] * 3]
    verbs.appliances.scripts["move-traffic"] = GOOD
    again = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert again.job.state == "succeeded"
    assert [task.key for task in again.tasks][:3] == ["check", "g1/after/1", "copy"]
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5
    assert [name for _, name, _ in verbs.appliances.ran] == ["first", "move-traffic", "move-traffic"]
    first, second = (context for _, name, context in verbs.appliances.ran if name == "move-traffic")
    assert (
        [each.name for each in first.machines] == [each.name for each in second.machines] == ["db01", "db02"]
    )


def test_a_failed_script_after_the_last_group_is_repeated_by_a_retry(verbs, plan):
    """All machines have arrived: there is no new run."""
    verbs.appliances.scripts["move-traffic"] = BAD
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan(web={"after": (TRAFFIC,)}))
    assert job.job.state == "failed"
    verbs.appliances.scripts["move-traffic"] = GOOD
    assert verbs.retry(job.job.id).job.state == "succeeded"


def test_one_that_may_have_run_is_told_so_and_not_run_again(verbs, plan):
    verbs.appliances.scripts["move-traffic"] = ScriptResult(interrupted=True)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    assert job.job.state == "failed"
    assert len(verbs.appliances.ran) == 1


def test_a_missing_script_is_found_before_the_first_machine_is_touched(verbs, plan):
    shop = plan(web={"after": (TRAFFIC,)})
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert (job.job.state, states(verbs)) == ("failed", [State.PROTECTED] * 5)
    assert "There is no script move-traffic" in job.job.error.message
    assert Kind.SHUT_DOWN not in {kind for _, kind, _ in verbs.appliances.given}


def test_an_unplanned_failover_goes_on_with_appliances_that_know_no_scripts(verbs, plan):
    verbs.appliances.fail(Kind.CHECK_SCRIPTS)
    verbs.appliances.fail(Kind.RUN_SCRIPT)
    job = verbs.run_plan(Verb.FAILOVER, plan(db={"after": (TRAFFIC,)}))
    assert job.job.state == "partially_succeeded"
    assert states(verbs) == [State.FAILED_OVER] * 5
    assert "these scripts will not run" in said(job, "Prerequisites check").sentence


@pytest.mark.parametrize("name", ["../x", "/bin/sh", "a b", ".hidden", "", "x\n", "a;b"])
def test_a_script_is_the_name_of_a_file_and_nothing_else(name):
    with pytest.raises(errors.InvalidArgument):
        Action("Traffic", script=name)


def test_an_action_asks_somebody_for_something_or_runs_a_script():
    with pytest.raises(errors.InvalidArgument):
        Action("Traffic")
