"""Runs of recovery plans, with the real job engine and store."""

import dataclasses

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.directions import Direction, FailoverKind
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest.verbs import MOST_MACHINES
from tests.vault.plan_runs.conftest import NAMES, members
from tests.vault.plan_runs.support_plan_runs import TRAFFIC, cancel, states, until, until_asked
from tests.vault.support_appliances import A
from tests.vault.support_operations import said


def started(verbs):
    """Names of machines, in the order in which their start was ordered."""
    names = {verbs.machine(name).id: name for name in NAMES}
    return [names[machine_id] for _, kind, machine_id in verbs.appliances.given if kind == Kind.START_REPLICA]


def test_groups_start_in_their_order_and_inside_a_group_side_by_side(verbs, plan):
    job = verbs.run_plan(Verb.FAILOVER, plan())
    assert job.job.state == "succeeded", job
    assert [task.title for task in job.tasks] == [
        "Prerequisites check", "Group 1: Failover (2)", "Group 2: Failover (1)", "Group 3: Failover (2)",
        "Outcome",
    ]  # fmt: skip
    order = started(verbs)
    assert (set(order[:2]), order[2], set(order[3:])) == ({"db01", "db02"}, "app01", {"web01", "web02"})
    assert states(verbs) == [State.FAILED_OVER] * 5
    assert said(job, "Prerequisites check").sentence == "5 machines in 3 groups, away"
    assert said(job, "Outcome").sentence == "5 of 5 machines"
    children = [child for child in job.children if child.job.subject_name in ("db01", "db02")]
    ends = max(child.job.ended_at for child in children)
    assert all(
        child.job.started_at >= ends
        for child in job.children
        if child.job.subject_name not in ("db01", "db02")
    )


def test_an_unplanned_failover_goes_on_to_the_end_and_says_what_failed(verbs, plan):
    failing = verbs.machine("db02").id
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=failing)
    job = verbs.run_plan(Verb.FAILOVER, plan())
    assert job.job.state == "partially_succeeded"
    assert states(verbs) == [State.FAILED_OVER, State.FAILOVER_FAILED, *[State.FAILED_OVER] * 3]
    assert said(job, "Outcome").sentence == "4 of 5 machines; not: db02; a new run of the plan takes them"


def test_it_is_run_again_and_takes_only_what_has_not_arrived(verbs, plan):
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db02").id)
    verbs.run_plan(Verb.FAILOVER, plan())
    verbs.appliances.mend()
    verbs.appliances.given.clear()
    again = verbs.run_plan(Verb.FAILOVER, plan())
    assert again.job.state == "succeeded"
    assert started(verbs) == ["db02"]
    assert "left out: db01: it is failed_over" in said(again, "Prerequisites check").sentence


def test_a_planned_failover_stops_at_an_error_and_leaves_later_groups_alone(verbs, plan):
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db02").id)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan())
    assert job.job.state == "failed"
    assert "not: db02" in job.job.error.message
    assert states(verbs) == [State.PLANNED_FAILED_OVER, *[State.PROTECTED] * 4]
    assert {"app01", "web01", "web02"}.isdisjoint(started(verbs))
    verbs.appliances.mend()
    verbs.appliances.given.clear()
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, plan()).job.state == "succeeded"
    assert sorted(started(verbs)) == sorted(set(NAMES) - {"db01"})


def test_if_nothing_arrives_the_run_has_failed(verbs, plan):
    verbs.appliances.fail(Kind.START_REPLICA)
    job = verbs.run_plan(Verb.FAILOVER, plan())
    assert (job.job.state, job.job.error.code) == ("failed", "plan-failed")
    assert "0 of 5 machines" in job.job.error.message


def test_what_a_planned_failover_needs_is_looked_at_before_the_first_machine_is_touched(verbs, plan):
    shop = plan()
    disconnect(verbs, A)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert (job.job.state, job.job.error.code) == ("failed", "site-not-connected")
    assert "appliance 'appliance-a' of site a" in job.job.error.message
    assert states(verbs) == [State.PROTECTED] * 5
    assert verbs.appliances.given == []


def test_a_planned_failover_waits_a_moment_for_an_appliance_that_is_away(verbs, plan):
    """A vault that was killed and started again has heard nobody yet."""
    shop = plan()
    disconnect(verbs, A)
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    verbs.engine.run_until_idle()
    assert said(verbs.tree(job_id), "Prerequisites check").state == "waiting"
    disconnect(verbs, A, connected=True)
    assert verbs.settle(job_id).job.state == "succeeded"


def test_a_failover_goes_on_without_the_source(verbs, plan):
    shop = plan()
    verbs.appliances.away.add(A)
    disconnect(verbs, A)
    assert verbs.run_plan(Verb.FAILOVER, shop).job.state == "succeeded"


def disconnect(verbs, *appliances, connected=False):
    with verbs.store.transaction() as tx:
        for each in appliances:
            tx.appliances.put(dataclasses.replace(tx.appliances.find(each), connected=connected))


def test_people_are_asked_in_between_and_what_they_say_is_kept(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    job_id = verbs.submit_plan(Verb.FAILOVER, shop)
    until_asked(verbs, job_id)
    assert states(verbs) == [State.FAILED_OVER] * 2 + [State.PROTECTED] * 3
    verbs.close()
    verbs.open()
    until_asked(verbs, job_id)
    verbs.answer(job_id, "done", "moved at the balancer")
    job = verbs.settle(job_id)
    assert job.job.state == "succeeded"
    assert said(job, "After group 1: Traffic").sentence == "done, says ada: moved at the balancer"


@pytest.mark.parametrize(
    ("verb", "ends"), [(Verb.FAILOVER, "partially_succeeded"), (Verb.PLANNED_FAILOVER, "failed")]
)
def test_that_an_action_failed_stops_a_planned_failover_and_no_other(verbs, plan, verb, ends):
    job_id = verbs.submit_plan(verb, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    verbs.answer(job_id, "failed", "no access")
    assert verbs.settle(job_id).job.state == ends
    moved = State.FAILED_OVER if verb is Verb.FAILOVER else State.PROTECTED
    assert verbs.state("web01") is moved


def test_actions_are_asked_only_for_their_kinds_and_directions(verbs, plan):
    tests_only = Action("Notes", "Write down", kinds=(FailoverKind.TEST,))
    home_only = Action("Home", "Say hello", directions=(Direction.HOME,))
    job = verbs.run_plan(Verb.FAILOVER, plan(db={"before": (tests_only, home_only)}))
    assert [task.key for task in job.tasks][1] == "g1/machines"
    assert job.job.state == "succeeded"


def test_a_cancel_stops_it_between_groups(verbs, plan):
    job_id = verbs.submit_plan(Verb.FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert states(verbs) == [State.FAILED_OVER] * 2 + [State.PROTECTED] * 3


def test_a_cancelled_drill_of_a_plan_cleans_up_what_it_made_and_no_other_drill(verbs, plan):
    verbs.run(Verb.TEST_FAILOVER, "web02")
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    assert verbs.machine("db01").drill_state is DrillState.RUNNING
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert [verbs.machine(name).drill_state for name in NAMES] == [DrillState.NONE] * 4 + [DrillState.RUNNING]


def test_a_plan_is_drilled_cleaned_up_failed_over_committed_reprotected_and_comes_home(verbs, plan):
    shop = plan()
    for verb in (
        Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER, Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT,
    ):  # fmt: skip
        assert verbs.run_plan(verb, shop).job.state == "succeeded", verb
    home = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert said(home, "Prerequisites check").sentence == "5 machines in 3 groups, home"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5
    assert verbs.run_plan(Verb.CANCEL_FAILOVER, shop).job.state == "succeeded"
    assert verbs.machine("db01").source_site == "b"
    assert states(verbs) == [State.PROTECTED] * 5


def test_machines_of_both_directions_are_not_mixed_until_one_is_named(verbs, plan):
    shop = plan()
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        verbs.run(verb, "db01", "db02")
    with pytest.raises(errors.NotPossibleNow) as refused:
        verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    assert "away: app01, web01, web02; home: db01, db02" in refused.value.message
    assert "--direction" in refused.value.do
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop, direction=Direction.HOME)
    assert job.job.state == "succeeded"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.PROTECTED] * 3


def test_some_groups_and_not_some_machines_are_run(verbs, plan):
    job = verbs.run_plan(Verb.FAILOVER, plan(), groups=frozenset({1, 3}), leave_out=frozenset({"db02"}))
    assert job.job.state == "succeeded"
    assert states(verbs) == [
        State.FAILED_OVER, State.PROTECTED, State.PROTECTED, State.FAILED_OVER, State.FAILED_OVER,
    ]  # fmt: skip
    assert "db02: as asked; app01: group 2 was not asked for" in said(job, "Prerequisites check").sentence


def test_a_machine_that_lost_its_protection_or_moves_is_named_before_any_job(verbs, plan):
    shop = plan()
    verbs.run(Verb.DISABLE_PROTECTION, "db01")
    before = len(verbs.jobs())
    with pytest.raises(errors.NotPossibleNow) as refused:
        verbs.submit_plan(Verb.FAILOVER, shop)
    assert "db01 is not protected any more" in refused.value.message
    assert "--leave-out" in refused.value.do
    assert len(verbs.jobs()) == before
    assert verbs.run_plan(Verb.FAILOVER, shop, leave_out=frozenset({"db01"})).job.state == "succeeded"


def test_a_second_run_of_a_plan_is_refused_while_the_first_goes_on(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    job_id = verbs.submit_plan(Verb.FAILOVER, shop)
    until_asked(verbs, job_id)
    with pytest.raises(errors.NotPossibleNow) as refused:
        verbs.submit_plan(Verb.FAILOVER, shop)
    assert job_id[:10] in refused.value.message


def test_a_machine_that_somebody_takes_meanwhile_is_left_alone_and_named(verbs, plan):
    job_id = verbs.submit_plan(Verb.FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    for verb in (Verb.PLANNED_FAILOVER, Verb.CANCEL_FAILOVER):
        taken = verbs.submit(verb, "web01")
        until(verbs, lambda taken=taken: verbs.tree(taken).job.state.ended)
    verbs.answer(job_id, "done")
    job = verbs.settle(job_id)
    assert job.job.state == "partially_succeeded"
    assert "not: web01" in said(job, "Outcome").sentence
    assert verbs.state("web01") is State.PROTECTED


def test_a_plan_without_a_group_offers_no_common_points_and_no_plan_a_named_one(verbs, plan):
    shop = plan()
    for choice, instead in (
        (RecoveryPointChoice.LATEST_MULTI_VM_PROCESSED, "latest_processed"),
        (RecoveryPointChoice.LATEST_MULTI_VM_APP_CONSISTENT, "latest_app_consistent"),
        (RecoveryPointChoice.CUSTOM, "--choice"),
    ):
        with pytest.raises(errors.InvalidArgument) as refused:
            verbs.submit_plan(Verb.FAILOVER, shop, choice=choice)
        assert instead in refused.value.do


def test_a_machine_without_a_point_is_named_before_any_job(verbs, plan):
    shop = plan()
    forget_points(verbs, verbs.machine("app01").id)
    with pytest.raises(errors.NotPossibleNow) as refused:
        verbs.submit_plan(Verb.FAILOVER, shop)
    assert "no recovery point: app01" in refused.value.message


def forget_points(verbs, machine_id):
    with verbs.store.transaction() as tx:
        replica = tx.statuses.get(machine_id).replica
        tx.statuses.put_replica(replica.model_copy(update={"points": ()}), verbs.clock.now())


def test_a_plan_is_run_for_more_machines_than_one_request_names(verbs, plan):
    """The vault's settings allow it."""
    plan()
    first, names = verbs.machine("db01"), [f"vm{number:04}" for number in range(MOST_MACHINES)]
    with verbs.store.transaction() as tx:
        for each in names:
            more = {"id": f"id-{each}", "source_fabric_id": each, "target_fabric_id": each}
            tx.machines.add(dataclasses.replace(first, name=each, **more))
        for each in (first.id, *(f"id-{each}" for each in names)):
            tx.machines.put(dataclasses.replace(tx.machines.get(each), state=State.FAILED_OVER))
    shop = RecoveryPlan("shop", (PlanGroup(members(verbs, ["db01", *names])),))
    job = verbs.tree(verbs.submit_plan(Verb.COMMIT, shop)).job
    assert len(job.arguments["groups"][0]["children"]) == MOST_MACHINES + 1


def test_machines_of_the_other_direction_are_left_out_whatever_they_do(verbs, plan):
    shop = plan()
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        verbs.run(verb, "db01", "db02")
    verbs.submit(Verb.PLANNED_FAILOVER, "db01")
    assert verbs.state("db01") is State.PLANNED_FAILING_OVER
    job_id = verbs.submit_plan(Verb.FAILOVER, shop, direction=Direction.AWAY)
    assert verbs.settle(job_id).job.state == "succeeded"
    assert states(verbs)[2:] == [State.FAILED_OVER] * 3


def test_what_a_stopped_planned_failover_advises_is_possible(verbs, plan):
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db02").id)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan())
    assert "run the plan again" in job.job.error.do
