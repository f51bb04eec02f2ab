"""A drained host gives the replicas that others of its site reach, some at a time; what runs there stays."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.facade.nouns.appliances import Appliances
from secondsite.vault.operations import drain_host
from secondsite.vault.operations.move_replica import MoveReplica
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B, said
from tests.vault.support_shared_stores import NAMES, THIRD_B, at, has, parts, shared_stores


@pytest.fixture
def verbs():
    with shared_stores() as verbs:
        yield verbs


def drain(verbs):
    """Drain B; the job, and what stays."""
    with verbs.store.transaction() as tx:
        tx.appliances.drain(B, verbs.clock.now())
        move = MoveReplica(verbs.deps)
        return drain_host.submit(verbs.deps, move, tx, tx.appliances.find(B), "tester")


def test_its_replicas_go_to_the_other_hosts_evenly_and_the_job_says_how_far_it_is(verbs):
    drained = drain(verbs)
    assert drained.stays == ()
    tree = verbs.settle(drained.job_id)
    assert tree.job.state == "succeeded"
    assert tree.job.result == "10 of 10 replicas moved to other hosts"
    assert [each.title for each in tree.tasks if each.key.startswith("moves/")] == [
        "Move replicas: 8 of 10",
        "Move replicas: 10 of 10",
    ]
    there = [at(verbs, each) for each in NAMES]
    assert there.count(OTHER_B) == there.count(THIRD_B) == 5
    assert {verbs.machine(each).state for each in NAMES} == {State.PROTECTED}


def test_no_more_than_eight_move_at_a_time(verbs):
    verbs.appliances.silent.add(Kind.TAKE_REPLICA)
    drain(verbs)
    verbs.engine.run_until_idle()
    assert len(verbs.jobs(Verb.MOVE_REPLICA)) == drain_host.AT_ONCE


def test_what_runs_there_and_what_is_drilled_there_stays_and_is_named(verbs):
    verbs.run(Verb.FAILOVER, "m00")
    verbs.run(Verb.TEST_FAILOVER, "m01")
    drained = drain(verbs)
    assert drained.stays == (
        "have an open test failover there: m01",
        "run there after a failover, and stay: m00",
    )
    tree = verbs.settle(drained.job_id)
    assert tree.job.result.startswith("8 of 8 replicas moved to other hosts; have an open test failover")
    assert [at(verbs, each) for each in ("m00", "m01")] == [B, B]
    assert B not in {at(verbs, each) for each in NAMES[2:]}


def test_what_no_other_host_reaches_stays_and_nothing_is_begun(verbs):
    for each in (OTHER_B, THIRD_B):
        has(verbs, each, proven=("e" * 32,))
    drained = drain(verbs)
    assert drained.job_id is None
    (why,) = drained.stays
    assert why.startswith("lie in a store that no other appliance of the site reaches: m00, m01")


def test_what_cannot_be_moved_is_told_with_the_reason_and_tried_again_by_another_drain(verbs):
    moved = verbs.machine("m03").id
    problem = errors.NotPossibleNow("A copy of m03 runs on the replica.", do="End it.")
    verbs.appliances.fail(Kind.TAKE_REPLICA, machine_id=moved, problem=problem)
    tree = verbs.settle(drain(verbs).job_id)
    assert tree.job.state == "partially_succeeded"
    assert tree.job.result == (
        "9 of 10 replicas moved to other hosts; m03 was not moved: A copy of m03 runs on the replica"
    )
    assert at(verbs, "m03") == B
    verbs.appliances.mend()
    assert verbs.settle(drain(verbs).job_id).job.result == "1 of 1 replica moved to other hosts"
    assert at(verbs, "m03") != B


def test_a_host_without_memory_takes_none_and_each_says_why(verbs):
    for each in (OTHER_B, THIRD_B):
        has(verbs, each, free=0)
    tree = verbs.settle(drain(verbs).job_id)
    assert "m00 was not moved: No host takes m00" in tree.job.result
    assert "5 more were not moved" in tree.job.result
    assert {at(verbs, each) for each in NAMES} == {B}


def test_the_end_of_the_drain_stops_it_between_two_portions(verbs):
    verbs.appliances.late.add(Kind.TAKE_REPLICA)
    appliances = Appliances(parts(verbs))
    job_id = appliances.drain(B).job_id
    verbs.engine.run_until_idle()
    assert appliances.show(B).drained_at is not None
    assert appliances.resume(B).drained_at is None
    verbs.appliances.late.clear()
    verbs.appliances.arrive()
    tree = verbs.settle(job_id)
    assert tree.job.state == "cancelled"
    assert said(tree, "Move replicas: 8 of 10").state == "succeeded"
    assert sorted(each for each in NAMES if at(verbs, each) == B) == ["m08", "m09"]


def test_a_second_drain_does_not_double_the_job(verbs):
    verbs.appliances.silent.add(Kind.TAKE_REPLICA)
    assert drain(verbs).job_id == drain(verbs).job_id
