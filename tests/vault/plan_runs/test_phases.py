"""A planned failover of a plan: all copy ahead, all are shut down, then the first one starts."""

import dataclasses

import pytest

from secondsite.domain.groups import ReplicationGroup
from secondsite.domain.lifecycle import State, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.vault.store import GroupRecord
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import TRAFFIC, asks, cancel, states, until, until_asked
from tests.vault.support_appliances import A
from tests.vault.support_operations import said


def orders(verbs, *kinds):
    """Of these kinds, in the order in which they were given: (kind, name of the machine)."""
    names = {verbs.machine(name).id: name for name in NAMES}
    return [(kind, names[machine]) for _, kind, machine in verbs.appliances.given if kind in kinds]


def group_of(verbs, name, *members):
    with verbs.store.transaction() as tx:
        tx.groups.add(GroupRecord(name, ReplicationGroup(name, "a", "b"), verbs.clock.now()))
        for each in members:
            tx.machines.put(dataclasses.replace(tx.machines.find(each), group=name))


def running_at_the_source(verbs):
    return [name for name in NAMES if A in verbs.appliances.running(verbs.machine(name).id)]


def test_all_are_shut_down_with_the_last_group_first_before_the_first_one_starts(verbs, plan):
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan())
    assert job.job.state == "succeeded", job
    assert [task.title for task in job.tasks] == [
        "Prerequisites check", "All groups: Copy ahead",
        "Group 3: Shut down (2)", "Group 2: Shut down (1)", "Group 1: Shut down (2)",
        "Group 1: Planned failover (2)", "Group 2: Planned failover (1)", "Group 3: Planned failover (2)",
        "Outcome",
    ]  # fmt: skip
    given = orders(verbs, Kind.PRE_COPY, Kind.SHUT_DOWN, Kind.START_REPLICA)
    kinds, names = zip(*given, strict=True)
    assert kinds == (Kind.PRE_COPY,) * 5 + (Kind.SHUT_DOWN,) * 5 + (Kind.START_REPLICA,) * 5
    down, up = names[5:10], names[10:]
    assert (set(down[:2]), down[2], set(down[3:])) == ({"web01", "web02"}, "app01", {"db01", "db02"})
    assert (set(up[:2]), up[2], set(up[3:])) == ({"db01", "db02"}, "app01", {"web01", "web02"})
    assert said(job, "All groups: Copy ahead").sentence == "5 machines are copied ahead"
    assert said(job, "Group 2: Shut down (1)").sentence.startswith("1 machine is off")


def test_a_machine_that_is_refused_by_its_check_lets_none_be_shut_down(verbs, plan):
    shop = plan()
    verbs.appliances.fail(Kind.CHECK_TARGET, machine_id=verbs.machine("web02").id)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert job.job.state == "failed"
    assert job.job.error.message == "Not all are copied ahead; not: web02"
    assert orders(verbs, Kind.SHUT_DOWN, Kind.START_REPLICA) == []
    assert states(verbs) == [State.PROTECTED] * 5


def test_if_one_cannot_be_shut_down_none_starts_and_all_run_on_at_their_source(verbs, plan):
    shop = plan()
    verbs.appliances.fail(Kind.SHUT_DOWN, machine_id=verbs.machine("app01").id)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    assert job.job.state == "failed"
    assert "not: app01" in job.job.error.message
    assert "run the plan again" in job.job.error.do
    assert orders(verbs, Kind.START_REPLICA) == []
    assert {"web01", "web02"} <= {name for kind, name in orders(verbs, Kind.SHUT_DOWN)}
    assert {"db01", "db02"}.isdisjoint(name for kind, name in orders(verbs, Kind.SHUT_DOWN))
    assert states(verbs) == [State.PROTECTED] * 5
    assert running_at_the_source(verbs) == list(NAMES)


def test_what_comes_before_the_first_group_comes_before_any_machine_is_touched(verbs, plan):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"before": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    assert orders(verbs, Kind.PRE_COPY, Kind.SHUT_DOWN) == []
    verbs.answer(job_id, "failed", "not now")
    assert verbs.settle(job_id).job.state == "failed"
    assert states(verbs) == [State.PROTECTED] * 5
    with verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job_id)
    until_asked(verbs, job_id)
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"


@pytest.mark.parametrize("restart", [False, True], ids=["", "with a restart"])
@pytest.mark.parametrize("ends", ["failed", "cancelled"])
def test_who_waits_for_his_turn_when_the_run_ends_goes_back(verbs, plan, ends, restart):
    """All of the later groups are off at both sites at that moment."""
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.PLANNED_FAILING_OVER] * 3
    assert running_at_the_source(verbs) == []
    if restart:
        verbs.close()
        verbs.open()
        until_asked(verbs, job_id)
    if ends == "failed":
        verbs.answer(job_id, "failed", "no access")
    else:
        cancel(verbs, job_id)
    job = verbs.settle(job_id)
    assert job.job.state == ends
    until(verbs, lambda: all(each.state.ended for each in verbs.jobs()))
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.PROTECTED] * 3
    assert running_at_the_source(verbs) == ["app01", "web01", "web02"]
    assert not verbs.appliances.copies.two


def test_a_run_whose_machines_went_back_is_run_again_and_not_retried(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)})
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, job_id)
    verbs.answer(job_id, "failed", "no access")
    job = verbs.settle(job_id)
    assert "run the plan again" in job.job.error.do
    with verbs.store.transaction() as tx, pytest.raises(Refused) as refused:
        verbs.engine.retry(tx.session, job_id)
    assert "run the plan again" in refused.value.do
    again = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, again)  # what is left to do after the first group comes first
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.PROTECTED] * 3
    verbs.answer(again, "done")
    assert verbs.settle(again).job.state == "succeeded"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5


def test_what_was_done_after_a_group_is_not_asked_again(verbs, plan):
    shop = plan(db={"after": (TRAFFIC,)}, app={"after": (TRAFFIC,)})
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until_asked(verbs, job_id)
    verbs.answer(job_id, "done")
    until(verbs, lambda: verbs.state("app01") is State.PLANNED_FAILED_OVER and asks(verbs, job_id))
    verbs.answer(job_id, "failed")
    assert verbs.settle(job_id).job.state == "failed"
    again = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    keys = [task.key for task in verbs.tree(again).tasks]
    assert [key for key in keys if "after" in key] == ["g2/after/1"]


def test_members_of_a_replication_group_that_are_not_taken_are_named(verbs, plan):
    shop = plan()
    group_of(verbs, "pair", "db01", "db02")
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop, leave_out=frozenset({"db02"}))
    warning = "of replication group 'pair' these are not taken, and write on: db02"
    assert warning in said(job, "Prerequisites check").sentence
    assert warning not in said(verbs.run_plan(Verb.FAILOVER, shop), "Prerequisites check").sentence
