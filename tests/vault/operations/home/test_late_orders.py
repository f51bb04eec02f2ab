"""An order of a failback's own that comes late, twice or in another order than it was given does nothing
to a machine that others have moved."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.plan_runs import unsynchronized_failback
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B

pytestmark = pytest.mark.always

ROUND = (Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT)


@pytest.fixture
def away(verbs):
    """web01 was failed over to b in need, committed, and not reprotected."""
    verbs.protect()
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.copies.stop(verbs.machine().id, A)
    return verbs


def running(verbs):
    return verbs.appliances.running(verbs.machine().id)


def begun(verbs, late):
    """A failback whose orders of that kind are on their way."""
    verbs.appliances.late.add(late)
    job_id = verbs.submit(Verb.PLANNED_FAILOVER, data_sync="during")
    for _ in range(20):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    assert not verbs.tree(job_id).job.state.ended
    return job_id


def given_up(verbs, job_id):
    """A person cancels it; what was late until now comes later still."""
    verbs.appliances.late.clear()
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)
    return verbs.settle(job_id).job


def is_overtaken(verbs):
    (problem,) = verbs.appliances.arrive()
    return problem is not None and problem.code == "stale-order"


def test_a_shutdown_that_comes_after_the_start_that_takes_it_back_is_refused(away):
    assert given_up(away, begun(away, Kind.SHUT_DOWN)).state == "cancelled"
    assert (away.state(), running(away)) == (State.COMMITTED, [B])
    assert is_overtaken(away)
    assert running(away) == [B]


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_shutdown_that_comes_after_others_have_moved_the_machine_is_refused(away, rounds):
    given_up(away, begun(away, Kind.SHUT_DOWN))
    for verb in ROUND * rounds:
        assert away.run(verb).job.state == "succeeded"
    there = running(away)
    assert is_overtaken(away)
    assert running(away) == there


def test_a_start_that_comes_after_the_machine_went_home_starts_no_old_copy(away):
    away.appliances.fail(Kind.WITHDRAW, times=1)
    job_id = begun(away, Kind.RESTART)
    assert away.settle(job_id).job.state == "failed"
    away.appliances.late.clear()
    for verb in ROUND:
        assert away.run(verb).job.state == "succeeded", verb
    assert running(away) == [A]
    assert is_overtaken(away)
    assert (running(away), away.appliances.copies.two) == ([A], [])


def test_a_start_that_comes_late_and_before_anybody_else_is_carried_out(away):
    away.appliances.fail(Kind.WITHDRAW, times=1)
    job_id = begun(away, Kind.RESTART)
    assert away.appliances.arrive() == [None]
    assert away.settle(job_id).job.state == "failed"
    assert (away.state(), running(away)) == (State.COMMITTED, [B])


def test_one_that_took_itself_back_can_be_tried_again(away):
    """Its own numbers are no other's."""
    away.appliances.fail(Kind.SHUT_DOWN, times=1)
    failed = away.settle(away.submit(Verb.PLANNED_FAILOVER, data_sync="during"))
    assert failed.job.state == "failed"
    assert away.retry(failed.job.id).job.state == "succeeded"
    assert (away.state(), running(away)) == (State.PLANNED_FAILED_OVER, [A])


def test_a_person_who_is_faster_than_its_shutdown_keeps_the_machine(away, monkeypatch):
    take, asked = unsynchronized_failback._Failback._take, []  # noqa: SLF001 between two transactions

    def later(self, ctx, machine):
        asked.append(away.submit(Verb.REPROTECT))
        take(self, ctx, machine)

    monkeypatch.setattr(unsynchronized_failback._Failback, "_take", later)  # noqa: SLF001
    job = away.settle(away.submit(Verb.PLANNED_FAILOVER, data_sync="during"))
    assert "somebody else has acted on it" in job.job.error.message
    assert away.tree(asked[0]).job.state == "succeeded"
    assert (away.state(), running(away)) == (State.PROTECTED, [B])
