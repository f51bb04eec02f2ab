"""A job for several machines is cancelled where its machines' jobs could be: those that are done stay
done."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.jobs.model.failures import Refused
from secondsite.wire.control.orders import Kind


def cancel(verbs, job_id):
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)


def test_an_enable_of_several_machines_is_cancelled_and_each_says_what_it_undid(verbs):
    verbs.appliances.silent.add(Kind.START_REPLICATION)
    job_id = verbs.submit(Verb.ENABLE_PROTECTION, "web01", "db01")
    verbs.engine.run_until_idle()
    verbs.appliances.mend()
    cancel(verbs, job_id)
    done = verbs.settle(job_id)
    assert done.job.state == "cancelled"
    assert done.job.result == "cancelled; of its 2 jobs 2 cancelled; what was cancelled says what it undid"
    assert (verbs.machine("web01"), verbs.machine("db01")) == (None, None)


def test_drills_of_several_machines_are_cancelled_and_their_network_goes(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.silent.add(Kind.START_REPLICA)
    job_id = verbs.submit(Verb.TEST_FAILOVER, "web01", "db01")
    verbs.engine.run_until_idle()
    verbs.appliances.mend()
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert (verbs.state("web01"), verbs.state("db01")) == (State.PROTECTED, State.PROTECTED)
    of = {verbs.machine(name).id for name in ("web01", "db01")}
    assert {at for _, kind, at in verbs.appliances.given if kind is Kind.REMOVE_NETWORK} == of


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_failover_of_several_machines_goes_to_its_end(verbs, verb):
    verbs.protect("web01", "db01")
    verbs.appliances.silent.add(Kind.START_REPLICA)
    job_id = verbs.submit(verb, "web01", "db01")
    verbs.engine.run_until_idle()
    with pytest.raises(Refused, match="cannot be cancelled"):
        cancel(verbs, job_id)
    verbs.appliances.mend()
    assert verbs.settle(job_id).job.state == "succeeded"


def test_a_retry_of_the_batch_leaves_the_machine_alone_whose_job_was_cancelled(verbs):
    verbs.protect("web01", "db01")
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        verbs.run(verb, "web01", "db01")
    web, db = verbs.machine("web01"), verbs.machine("db01")
    verbs.appliances.silent.add(Kind.WITHDRAW)
    job_id = verbs.submit(Verb.REPROTECT, "web01", "db01")
    verbs.engine.run_until_idle()
    cancel(verbs, next(job.id for job in verbs.jobs() if job.subject == web.id and job.name == "reprotect"))
    verbs.appliances.silent.clear()
    verbs.appliances.fail(Kind.START_REPLICATION, machine_id=db.id)
    verbs.settle(job_id)
    verbs.appliances.mend()
    given = len(verbs.appliances.given)
    assert verbs.retry(job_id).job.state == "partially_succeeded"
    assert {machine for _, _, machine in verbs.appliances.given[given:]} == {db.id}
    assert (verbs.state("web01"), verbs.state("db01")) == (State.COMMITTED, State.PROTECTED)
