"""A machine with a start delay waits once it could start, and nobody of its group waits for it; in plans
only, and away from home only."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.jobs.running import held_jobs
from secondsite.vault.store import MachinePropertiesRecord
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.support_plan_runs import cancel, states, until
from tests.vault.support_appliances import A
from tests.vault.support_operations import said

DELAY = 90


@pytest.fixture
def shop(verbs, plan):
    """db02 starts later than db01, which is in its group."""
    made = plan()
    with verbs.store.transaction() as tx:
        wanted = TargetProperties(start_delay_seconds=DELAY)
        tx.properties.put(MachinePropertiesRecord(verbs.machine("db02").id, wanted))
    return made


def starts(verbs):
    """When each machine's start was ordered, by its name."""
    ask = verbs.appliances.ask
    found: dict[str, object] = {}

    def asked(appliance_id, order_id, kind, machine_id, *arguments, **options):
        if kind is Kind.START_REPLICA:
            found.setdefault(machine_id, verbs.clock.now())
        return ask(appliance_id, order_id, kind, machine_id, *arguments, **options)

    verbs.appliances.ask = asked
    return lambda name: found[verbs.machine(name).id]


@pytest.mark.parametrize(
    ("verb", "options"),
    [(Verb.FAILOVER, {}), (Verb.PLANNED_FAILOVER, {}), (Verb.TEST_FAILOVER, {"network": "none"})],
)
def test_it_starts_that_much_later_and_the_next_group_after_it(verbs, shop, verb, options):
    at = starts(verbs)
    job = verbs.run_plan(verb, shop, **options)
    assert job.job.state == "succeeded", job
    later = (at("db02") - at("db01")).total_seconds()
    assert DELAY <= later < 2 * DELAY
    assert at("app01") >= at("db02")
    mine = next(each for each in verbs.jobs(verb) if each.subject == verbs.machine("db02").id)
    assert "waited 1 min 30 s" in said(verbs.tree(mine.id), "Start delay").sentence
    its = next(each for each in verbs.jobs(verb) if each.subject == verbs.machine("db01").id)
    assert "Start delay" not in [task.title for task in verbs.tree(its.id).tasks]


def test_a_restart_of_the_vault_meanwhile_begins_no_delay_anew(verbs, shop):
    at = starts(verbs)
    job_id = verbs.submit_plan(Verb.FAILOVER, shop)
    until(verbs, lambda: verbs.state("db01") is State.FAILED_OVER)
    verbs.clock.pass_by(DELAY // 2)
    verbs.close()
    verbs.open()
    until(verbs, lambda: verbs.tree(job_id).job.state.ended)
    assert states(verbs) == [State.FAILED_OVER] * 5
    assert DELAY <= (at("db02") - at("db01")).total_seconds() < 1.5 * DELAY


def test_by_itself_and_on_the_way_home_it_does_not_wait(verbs, shop):
    assert "Start delay" not in [task.title for task in verbs.run(Verb.FAILOVER, "db02").tasks]
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run_plan(verb, shop).job.state == "succeeded"
    at = starts(verbs)
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert (at("db02") - at("db01")).total_seconds() < DELAY / 3


@pytest.mark.parametrize("which", ["the run", "the machine"])
def test_a_machine_that_is_held_while_it_waits_goes_back_when_it_is_cancelled(verbs, shop, which):
    """Its job had passed the gate to its start, and waited behind it: it started although its cancel was
    asked for."""
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, shop)
    until(verbs, lambda: waits_to_start(verbs, "db02"))
    with verbs.store.transaction() as tx:
        held_jobs.hold_all(tx.session)
    cancel(verbs, job_id if which == "the run" else job_of(verbs, "db02").id)
    if which == "the machine":
        with verbs.store.transaction() as tx:
            verbs.engine.resume(tx.session, job_id)
    assert verbs.settle(job_id).job.state.ended
    verbs.rest()
    assert verbs.state("db02") is State.PROTECTED
    assert verbs.appliances.running(verbs.machine("db02").id) == [A]


def job_of(verbs, name):
    return next(each for each in verbs.jobs(Verb.PLANNED_FAILOVER) if each.subject == verbs.machine(name).id)


def waits_to_start(verbs, name):
    tasks = [] if verbs.state(name) is State.PROTECTED else verbs.tree(job_of(verbs, name).id).tasks
    return any(task.title == "Start delay" and task.state == "waiting" for task in tasks)
