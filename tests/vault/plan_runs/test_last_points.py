"""All machines of a plan are off before one starts: the last points of a replication group are a common
one (S-078)."""

import dataclasses

import pytest

from secondsite.domain import errors, groups
from secondsite.domain.groups import ReplicationGroup
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.points import Consistency
from secondsite.vault.store import GroupRecord
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.support_plan_runs import until, until_asked

PAIR = ("db01", "app01")


@pytest.fixture
def shop(verbs, plan):
    """db01 and app01, of two groups of the plan, are one replication group."""
    made = plan()
    with verbs.store.transaction() as tx:
        tx.groups.add(GroupRecord("pair", ReplicationGroup("pair", "a", "b"), verbs.clock.now()))
        for each in PAIR:
            tx.machines.put(dataclasses.replace(tx.machines.find(each), group="pair"))
    return made


def last_points(verbs, names=PAIR):
    return [verbs.appliances.points[key(verbs, name)][-1] for name in names]


def key(verbs, name):
    machine = verbs.machine(name)
    return machine.id, machine.epoch


def common(verbs):
    members = {name: verbs.appliances.points[key(verbs, name)] for name in PAIR}
    return groups.newest_set(members)


def test_they_bear_one_id_and_those_of_others_none(verbs, shop):
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    first, second = last_points(verbs)
    assert first.set_id == second.set_id == common(verbs)
    assert first.set_id is not None
    assert [each.set_id for each in last_points(verbs, ("db02", "web01"))] == [None, None]
    started = {each.point_id for each in verbs.appliances.started}
    assert {first.id, second.id} <= started


def test_they_bear_one_id_too_if_they_were_synchronized_by_the_same_run(verbs, shop):
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run_plan(verb, shop).job.state == "succeeded"
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop, data_sync="before")
    until_asked(verbs, job_id)
    verbs.answer(job_id, "complete")
    assert verbs.settle(job_id).job.state == "succeeded"
    first, second = last_points(verbs)
    assert first.set_id == second.set_id == common(verbs)
    assert first.set_id is not None


def test_a_group_that_is_not_taken_whole_has_none(verbs, shop):
    verbs.run_plan(Verb.PLANNED_FAILOVER, shop, leave_out=frozenset({"app01"}))
    assert last_points(verbs, ("db01",))[0].set_id is None


def test_machines_that_are_moved_one_by_one_have_none(verbs, shop):
    verbs.run(Verb.PLANNED_FAILOVER, *PAIR)
    assert [each.set_id for each in last_points(verbs)] == [None, None]


def test_a_machine_does_not_bear_it_once_another_has_gone_back_and_writes_again(verbs, shop):
    """app01 is off and has its last point; it goes back while db01, which may hear its last words, is shut
    down."""
    app01 = verbs.machine("app01").id

    def app01_goes_back(machine_id):
        if machine_id == verbs.machine("db01").id:
            with verbs.store.transaction() as tx:
                tx.machines.put(dataclasses.replace(tx.machines.get(app01), state=State.CANCELLING))

    after_each(verbs, Kind.SHUT_DOWN, app01_goes_back)
    verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until(
        verbs,
        lambda: any(
            kind is Kind.RUN_CYCLE for _, kind, m in verbs.appliances.given if m == verbs.machine("db01").id
        ),
    )
    mine, its = last_points(verbs)
    assert (mine.set_id, its.set_id is None) == (None, False)
    assert common(verbs) is None


def after_each(verbs, kind, happens):
    """Calls it with the machine's id, after an order of that kind."""
    ask = verbs.appliances.ask

    def asked(appliance_id, order_id, given, machine_id, *arguments, **options):
        answer = ask(appliance_id, order_id, given, machine_id, *arguments, **options)
        if given == kind:
            happens(machine_id)
        return answer

    verbs.appliances.ask = asked


def test_a_failback_of_a_plan_goes_to_the_common_app_consistent_point(verbs, shop):
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run_plan(verb, shop).job.state == "succeeded"
    for name in (*PAIR, "db02", "web01", "web02"):
        mark = {"set_id": "pair-20261120T130000.000000Z"} if name in PAIR else {}
        verbs.appliances.seal(verbs.machine(name).id, consistency=Consistency.APP, **mark)
    wanted = {each.id for each in last_points(verbs)}
    for name in PAIR:  # newer ones of their own
        verbs.appliances.seal(verbs.machine(name).id, consistency=Consistency.APP)
    with pytest.raises(errors.InvalidArgument, match="latest_app_consistent") as refused:
        verbs.submit_plan(Verb.PLANNED_FAILOVER, shop, choice="latest_app_consistent")
    assert "latest_multi_vm_app_consistent" in refused.value.do
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop, choice="latest_multi_vm_app_consistent")
    assert job.job.state == "succeeded"
    assert {verbs.machine(name).failed_over_point_id for name in PAIR} == wanted
