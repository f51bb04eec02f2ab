"""The network of a plan's drill is there before its first step, so that a person can put something into it
(S-251)."""

import pytest

from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.jobs.model.asking import asks_now
from secondsite.wire.common.base import Problem
from secondsite.wire.control import Report
from secondsite.wire.control.orders import Kind
from tests.vault import support_segments
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.drills.support_networks import DIRECTORY, asked_first, made
from tests.vault.plan_runs.support_plan_runs import cancel, until_asked
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B, said

SUBNET = "10.9.8.0/24"
LEFT = (Kind.REMOVE_NETWORK, None)


def test_it_is_there_when_the_person_is_asked_and_the_machines_come_into_the_same(verbs, plan):
    job_id = asked_first(verbs, plan, subnet=SUBNET)
    first = verbs.appliances.asked_network
    assert (first.run, first.serving.subnet, first.serving.hosts) == (job_id, SUBNET, ())
    assert made(verbs) == [(Kind.CREATE_NETWORK, None)]
    assert [verbs.machine(name).drill_state for name in NAMES] == [DrillState.NONE] * len(NAMES)
    verbs.close()
    verbs.open()
    until_asked(verbs, job_id)
    verbs.answer(job_id, "done")
    job = verbs.settle(job_id)
    assert job.job.state == "succeeded"
    assert set(verbs.appliances.networks) == {first.name}
    assert len(verbs.appliances.networks[first.name]) == 1 + len(NAMES)
    assert made(verbs) == [(Kind.CREATE_NETWORK, None), (Kind.REMOVE_NETWORK, None)]
    titles = [task.title for task in job.tasks]
    assert titles[1:3] == ["Create test network", "Before group 1: Directory"]
    assert titles[-2:] == ["Leave test network", "Outcome"]


def test_over_several_hosts_each_has_it_with_all_cards_from_the_start(verbs, plan):
    groups = plan(db={"before": (DIRECTORY,)})
    support_segments.share(verbs, "db02", "web01")
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, groups, subnet=SUBNET)
    until_asked(verbs, job_id)
    first, second = verbs.appliances.asked_at.values()
    assert first == second
    assert first.span.members == support_segments.MEMBERS
    assert sorted(host.name for host in first.serving.hosts) == sorted(NAMES)
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    machines, _ = verbs.appliances.asked_at.values()
    assert machines == first.model_copy(update={"run": None})
    leaving = [each for each, kind, machine in verbs.appliances.given if (kind, machine) == LEFT]
    assert sorted(leaving) == sorted((B, OTHER_B))


def test_a_drill_that_cleans_up_leaves_it_after_its_machines(verbs, plan):
    job_id = asked_first(verbs, plan, clean_up=True)
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state in ("succeeded", "partially_succeeded")
    orders = [(kind, machine) for _, kind, machine in verbs.appliances.given if kind == Kind.REMOVE_NETWORK]
    assert len(orders) == 1 + len(NAMES)
    assert orders[-1] == (Kind.REMOVE_NETWORK, None)


def test_a_cancelled_drill_leaves_it_too(verbs, plan):
    job_id = asked_first(verbs, plan)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert made(verbs)[-1] == (Kind.REMOVE_NETWORK, None)


def test_with_a_network_for_each_all_of_them_are_there(verbs, plan):
    job_id = asked_first(verbs, plan, network="create-each")
    before = {each.name for each in (verbs.appliances.asked_network, *verbs.appliances.asked_network.more)}
    verbs.answer(job_id, "done")
    verbs.settle(job_id)
    assert set(verbs.appliances.networks) == before


@pytest.mark.parametrize(("actions", "options"), [({}, {}), ({"before": (DIRECTORY,)}, {"network": "none"})])
def test_where_nothing_is_done_before_or_no_network_is_made_there_is_no_such_step(
    verbs, plan, actions, options
):
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, plan(db=actions), **options)
    assert "network" not in [task.key for task in verbs.tree(job_id).tasks]
    verbs.engine.run_until_idle()
    if any(asks_now(task) for task in verbs.tree(job_id).tasks):
        verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert made(verbs) == []


def test_an_older_appliance_makes_it_with_its_first_machine(verbs, plan):
    """It refuses an order that names no machine."""
    ask = verbs.appliances.ask

    def old(appliance_id, order_id, kind, machine_id, payload, *arguments, **options):
        if kind in (Kind.CREATE_NETWORK, Kind.REMOVE_NETWORK) and machine_id is None:
            problem = Problem(code="invalid-argument", message="It names no machine.", do="Upgrade.")
            return Report(order_id=order_id, problem=problem)
        return ask(appliance_id, order_id, kind, machine_id, payload, *arguments, **options)

    verbs.appliances.ask = old
    job_id = asked_first(verbs, plan)
    assert (
        "none is there before its first machine" in said(verbs.tree(job_id), "Create test network").sentence
    )
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "partially_succeeded"
    assert [verbs.machine(name).drill_state for name in NAMES] == [DrillState.RUNNING] * len(NAMES)


def test_an_appliance_that_is_away_keeps_no_drill_from_going_on(verbs, plan):
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, plan(db={"before": (DIRECTORY,)}))
    verbs.appliances.away.add(B)
    until_asked(verbs, job_id)
    assert (
        "at b none is there before its first machine"
        in said(verbs.tree(job_id), "Create test network").sentence
    )
