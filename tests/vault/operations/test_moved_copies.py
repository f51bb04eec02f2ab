"""A machine that was failed over runs at another host than that of its replica: no verb begins anything, also
after one has failed."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B, add_host

FAILED = (State.CANCEL_FAILED, State.FAILOVER_FAILED)
AGAIN = (Verb.FAILOVER, Verb.CANCEL_FAILOVER)
TOUCHES = {Kind.START_REPLICA, Kind.STOP_REPLICA, Kind.ACCEPT_CYCLES, Kind.RESTART}


def failed_at(verbs, state):
    """A verb failed after the start was ordered, and the copy runs; the id of that job."""
    verbs.protect()
    add_host(verbs, B, OTHER_B, 5)
    if state is State.CANCEL_FAILED:
        verbs.run(Verb.PLANNED_FAILOVER)
        verbs.appliances.fail(Kind.STOP_REPLICA, times=1)
        job = verbs.run(Verb.CANCEL_FAILOVER).job
    else:
        verbs.appliances.fail(Kind.START_REPLICA, times=1)
        job = verbs.run(Verb.FAILOVER, shut_down_source=True).job
    assert (verbs.state(), verbs.machine().start_ordered) == (state, True)
    verbs.appliances.given.clear()
    return job.id


def runs_at(verbs, appliance):
    machine_id = verbs.machine().id
    for each in (B, OTHER_B):
        verbs.appliances.copies.stop(machine_id, each)
        verbs.appliances.copies.made.discard((machine_id, each))
    verbs.appliances.copies.run(machine_id, appliance)


def refusal(verbs, state, job):
    """Of a verb that touched nothing."""
    assert (job.state, job.error.code) == ("failed", "prerequisite-failed")
    assert verbs.state() is state
    assert TOUCHES.isdisjoint(kind for _, kind, _ in verbs.appliances.given)
    return job.error


@pytest.mark.parametrize("state", FAILED)
@pytest.mark.parametrize("verb", AGAIN)
def test_it_is_refused_with_the_name_of_the_host_where_it_runs(verbs, state, verb):
    """Only QEMU's lock kept a failover from starting a second copy."""
    job_id = failed_at(verbs, state)
    runs_at(verbs, OTHER_B)
    assert OTHER_B in refusal(verbs, state, verbs.retry(job_id).job).message
    error = refusal(verbs, state, verbs.run(verb).job)
    assert f"it is on at the host of appliance '{OTHER_B}' of b" in error.message
    assert "virsh migrate" in error.do
    runs_at(verbs, B)
    assert verbs.run(verb).job.state == "succeeded"


@pytest.mark.parametrize("state", FAILED)
@pytest.mark.parametrize("verb", AGAIN)
def test_it_is_refused_while_nobody_says_where_it_runs_and_its_disks_are_open(verbs, state, verb):
    """The appliance of the host that it was migrated to does not run."""
    failed_at(verbs, state)
    runs_at(verbs, OTHER_B)
    verbs.appliances.away.add(OTHER_B)
    verbs.appliances.open_elsewhere.add(B)
    error = refusal(verbs, state, verbs.run(verb).job)
    assert "another host that reaches the store, has its disks open" in error.message
    assert "virsh migrate" in error.do


@pytest.mark.parametrize("verb", [Verb.COMMIT, Verb.CANCEL_FAILOVER])
def test_a_planned_failover_is_neither_committed_nor_cancelled_then(verbs, verb):
    verbs.protect()
    verbs.run(Verb.PLANNED_FAILOVER)
    verbs.appliances.given.clear()
    verbs.appliances.open_elsewhere.add(B)
    assert "has its disks open" in refusal(verbs, State.PLANNED_FAILED_OVER, verbs.run(verb).job).message
    verbs.appliances.open_elsewhere.clear()
    assert verbs.run(verb).job.state == "succeeded"


def test_what_was_never_ordered_to_start_is_not_looked_for(verbs):
    verbs.protect()
    add_host(verbs, B, OTHER_B, 5)
    verbs.appliances.given.clear()
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    assert (OTHER_B, Kind.POWER) not in [(who, kind) for who, kind, _ in verbs.appliances.given]
