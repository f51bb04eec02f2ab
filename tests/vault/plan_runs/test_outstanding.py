"""What a run that stopped has left to do after a group is done by the next one, once, and only after
machines that have arrived."""

from dataclasses import replace

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.plan_runs.support_plan_runs import TRAFFIC as ASK
from tests.vault.plan_runs.support_plan_runs import cancel, states, until_asked

GOOD, BAD = ScriptResult(exit_status=0, output="ok\n"), ScriptResult(exit_status=3, output="no\n")
TRAFFIC = Action("Traffic", script="move-traffic")


def stopped(verbs, shop):
    """Its first group has arrived, and the script after it failed."""
    verbs.appliances.scripts |= {"move-traffic": BAD, "first": GOOD}
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "failed"
    assert states(verbs) == [*[State.PLANNED_FAILED_OVER] * 2, *[State.PROTECTED] * 3]
    verbs.appliances.scripts["move-traffic"] = GOOD
    verbs.appliances.ran.clear()


def ran(verbs):
    return [name for _, name, _ in verbs.appliances.ran]


def test_it_is_run_for_a_group_that_has_arrived_and_told_of_its_machines(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    ((_, _, told),) = verbs.appliances.ran
    assert [(each.name, each.state) for each in told.machines] == [
        ("db01", State.PLANNED_FAILED_OVER), ("db02", State.PLANNED_FAILED_OVER),
    ]  # fmt: skip


@pytest.mark.parametrize("home", [("db01", "db02"), ("db02",)])
def test_it_is_not_run_for_machines_that_went_home_and_are_left_out(verbs, plan, home):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    for name in home:
        assert verbs.run(Verb.CANCEL_FAILOVER, name).job.state == "succeeded"
    again = verbs.run_plan(Verb.PLANNED_FAILOVER, shop, leave_out=frozenset(home))
    assert again.job.state == "succeeded"
    assert ran(verbs) == []


def test_leaving_out_a_machine_that_has_arrived_leaves_out_what_comes_after_its_group(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    again = verbs.run_plan(Verb.PLANNED_FAILOVER, shop, leave_out=frozenset({"db01"}))
    assert again.job.state == "succeeded"
    assert ran(verbs) == []


def test_a_group_that_is_taken_again_in_part_has_its_script_once(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    assert verbs.run(Verb.CANCEL_FAILOVER, "db02").job.state == "succeeded"
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert ran(verbs) == ["move-traffic"]


def test_a_run_of_one_group_leaves_that_of_another_to_a_run_of_all(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    verbs.run_plan(Verb.PLANNED_FAILOVER, shop, groups=frozenset({2}))
    assert ran(verbs) == []
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert ran(verbs) == ["move-traffic"]
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5


@pytest.mark.parametrize("of_one_name", [True, False])
def test_what_succeeded_is_not_repeated_though_it_has_the_name_of_what_failed(verbs, plan, of_one_name):
    first = Action("Traffic" if of_one_name else "First", script="first")
    shop = plan(db={"after": (first, TRAFFIC)})
    stopped(verbs, shop)
    verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert ran(verbs) == ["move-traffic"]


def test_of_two_that_are_alike_the_second_one_is_left(verbs, plan):
    shop = plan(db={"after": (TRAFFIC, ASK, TRAFFIC)})
    verbs.appliances.scripts["move-traffic"] = GOOD
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, job_id)
    verbs.answer(job_id, "failed", "no access")
    assert verbs.settle(job_id).job.state == "failed"
    again = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, again)
    verbs.answer(again, "done")
    assert verbs.settle(again).job.state == "succeeded"
    assert ran(verbs) == ["move-traffic", "move-traffic"]


def test_a_script_that_the_plan_has_corrected_is_run_as_it_is_now(verbs, plan):
    shop = plan(db={"after": (Action("Traffic", script="first"), TRAFFIC)})
    stopped(verbs, shop)
    verbs.appliances.scripts["other"] = GOOD
    corrected = replace(TRAFFIC, script="other")
    verbs.run_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (shop.groups[0].after[0], corrected)}))
    assert ran(verbs) == ["other"]


def test_it_stays_until_it_is_done_however_often_runs_stop_at_it(verbs, plan):
    shop = plan(db={"after": (Action("First", script="first"), TRAFFIC)})
    stopped(verbs, shop)
    verbs.appliances.scripts["move-traffic"] = BAD
    for _ in range(2):
        assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "failed"
    verbs.appliances.scripts["move-traffic"] = GOOD
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert ran(verbs) == ["move-traffic"] * 3


def test_one_that_was_done_is_not_done_again_by_a_later_run(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    verbs.appliances.fail(Kind.SHUT_DOWN, machine_id=verbs.machine("app01").id)
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "failed"
    verbs.appliances.mend()
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert ran(verbs) == ["move-traffic"]


def test_a_drill_in_between_does_not_lose_it(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    for verb in (Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER):
        assert verbs.run_plan(verb, shop, groups=frozenset({2})).job.state == "succeeded"
    verbs.appliances.ran.clear()
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5
    assert ran(verbs) == ["move-traffic"]


def test_machines_that_another_run_has_brought_home_leave_nothing_to_do(verbs, plan):
    """They arrived again one by one: what follows then is nobody's."""
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    assert verbs.run_plan(Verb.CANCEL_FAILOVER, shop).job.state == "succeeded"
    for name in ("db01", "db02"):
        assert verbs.run(Verb.PLANNED_FAILOVER, name).job.state == "succeeded"
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert ran(verbs) == []


def test_a_group_that_has_another_place_in_the_plan_now_keeps_it(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    db, app, web = shop.groups
    turned = replace(shop, groups=(app, db, web))
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, turned).job.state == "succeeded"
    assert [(name, told.group) for _, name, told in verbs.appliances.ran] == [("move-traffic", 2)]


def test_another_group_that_came_into_its_place_does_not_get_it(verbs, plan):
    """Its action is called like that which was left after another one."""
    other = Action("Traffic", script="first")
    shop = plan(db={"after": (TRAFFIC,)})
    stopped(verbs, shop)
    db, app, web = shop.groups
    assert verbs.run(Verb.PLANNED_FAILOVER, "app01").job.state == "succeeded"
    turned = replace(shop, groups=(replace(app, after=(other,)), replace(db, after=()), web))
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, turned).job.state == "succeeded"
    assert ran(verbs) == []


def test_a_cancelled_unplanned_run_that_is_run_again_does_what_was_left_and_succeeds(verbs, plan):
    shop = plan(db={"after": (ASK, TRAFFIC)})
    verbs.appliances.scripts["move-traffic"] = GOOD
    job_id = verbs.submit_plan(Verb.FAILOVER, shop)
    until_asked(verbs, job_id)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    again = verbs.submit_plan(Verb.FAILOVER, shop)
    until_asked(verbs, again)
    verbs.answer(again, "done")
    tree = verbs.settle(again)
    assert tree.job.state == "succeeded"
    assert "g1/machines" not in [task.key for task in tree.tasks]
    assert ran(verbs) == ["move-traffic"]
    assert states(verbs) == [State.FAILED_OVER] * 5
