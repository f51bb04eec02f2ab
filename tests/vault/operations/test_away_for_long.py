"""A site that dies while a job waits for a pass over whole disks: no job waits for ever, and nothing stays
behind there."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = pytest.mark.slow


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        yield verbs
        verbs.close()


def never_synchronized(verbs):
    verbs.appliances.seal = lambda machine_id: None


def passing(verbs, seconds):
    for _ in range(int(seconds / 5)):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(5)


@pytest.mark.parametrize("lost", [A, B])
def test_a_resynchronization_whose_site_does_not_come_back_ends_and_says_what_goes_on(verbs, lost):
    verbs.protect()
    never_synchronized(verbs)
    job_id = verbs.submit(Verb.RESYNCHRONIZE)
    passing(verbs, 60)
    verbs.appliances.away.add(lost)
    passing(verbs, 500)
    assert not verbs.tree(job_id).job.state.ended, "a restart of the host takes that long"
    passing(verbs, 200)
    error = verbs.tree(job_id).job.error
    assert error.code == "appliance-unreachable"
    assert lost in error.message
    assert "goes on by itself" in error.message
    assert verbs.state() is State.PROTECTED


def test_a_resynchronization_whose_site_returns_in_time_goes_on(verbs):
    verbs.protect()
    seal = verbs.appliances.seal
    never_synchronized(verbs)
    job_id = verbs.submit(Verb.RESYNCHRONIZE)
    passing(verbs, 20)
    for _ in range(5):
        verbs.appliances.away.add(B)
        passing(verbs, 400)
        verbs.appliances.mend()
        passing(verbs, 20)
    seal(verbs.machine().id)
    passing(verbs, 20)
    assert verbs.tree(job_id).job.state == "succeeded"


def enabled_until_the_target_died(verbs):
    """The job of an enable that a person cancels, because its target is gone."""
    never_synchronized(verbs)
    job_id = verbs.submit(Verb.ENABLE_PROTECTION)
    passing(verbs, 30)
    assert verbs.state() is State.INITIAL_REPLICATING
    machine = verbs.machine()
    verbs.appliances.away.add(B)
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)
    passing(verbs, 120)
    assert verbs.tree(job_id).job.state == "cancelled"
    assert verbs.machine() is None
    return job_id, machine


def test_an_enable_whose_target_dies_leaves_no_replica_there_when_the_target_returns(verbs):
    _, machine = enabled_until_the_target_died(verbs)
    verbs.appliances.given.clear()
    verbs.appliances.mend()
    verbs.rest()
    assert verbs.appliances.given == [(B, Kind.REMOVE_REPLICA, machine.id)]


def test_a_replica_of_an_enable_that_was_tried_again_meanwhile_stays(verbs):
    verbs.appliances.fail(Kind.START_REPLICATION)
    job_id = verbs.submit(Verb.ENABLE_PROTECTION)
    verbs.appliances.at_order(4, lambda _kind: verbs.appliances.away.add(B))  # after the replica was made
    passing(verbs, 120)
    assert verbs.tree(job_id).job.state == "failed"
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    assert Kind.PREPARE_REPLICA in kinds
    assert Kind.REMOVE_REPLICA not in kinds
    with verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job_id)
    verbs.appliances.mend()
    verbs.settle(job_id)
    assert verbs.tree(job_id).job.state == "succeeded"
    assert verbs.state() is State.PROTECTED
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    assert Kind.REMOVE_REPLICA not in kinds[kinds.index(Kind.START_REPLICATION) :]
