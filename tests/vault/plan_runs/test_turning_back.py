"""A planned failover of a plan that ends in the middle: what goes on, what comes back, and what is not
done any more."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.jobs.model.failures import Refused
from secondsite.jobs.running import held_jobs
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import (
    TRAFFIC,
    asks,
    cancel,
    states,
    until,
    until_asked,
    when_asked,
)
from tests.vault.support_appliances import A, B

pytestmark = pytest.mark.always

DAY = 86400
GROUP_1_ONLY = [State.PLANNED_FAILED_OVER] * 2 + [State.PROTECTED] * 3


def asked(verbs, kind):
    return [machine for _, given, machine in verbs.appliances.given if given == kind]


def test_who_was_started_at_its_source_while_it_waited_is_not_started_a_second_time(verbs, plan):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    machine = verbs.machine("web01").id
    verbs.appliances.copies.run(machine, A)
    verbs.answer(job_id, "done")
    job = verbs.settle(job_id)
    verbs.rest()
    assert job.job.state == "failed"
    assert verbs.appliances.running(machine) == [A]
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 3 + [State.PROTECTED, State.PLANNED_FAILED_OVER]
    (child,) = (each.job for each in job.children if each.job.subject_name == "web01")
    assert child.error.message.startswith("web01 is running at a: somebody started it")


def test_a_source_that_cannot_be_asked_any_more_keeps_nobody_off_at_both_sites(verbs, plan):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    verbs.appliances.away.add(A)
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5


def test_a_cancel_while_machines_copy_ahead_lets_the_others_not_begin(verbs, plan):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan())
    when_asked(verbs, Kind.PRE_COPY, lambda: cancel(verbs, job_id))
    assert verbs.settle(job_id).job.state == "cancelled"
    verbs.rest()
    assert len(asked(verbs, Kind.PRE_COPY)) <= 2
    assert states(verbs) == [State.PROTECTED] * 5


def test_a_cancel_lets_the_group_that_is_starting_come_up_as_a_whole(verbs, plan):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    when_asked(verbs, Kind.START_REPLICA, lambda: cancel(verbs, job_id))
    job = verbs.settle(job_id).job
    verbs.rest()
    assert (job.state, job.error) == ("cancelled", None)
    assert states(verbs) == GROUP_1_ONLY


@pytest.mark.parametrize("verb", [Verb.PLANNED_FAILOVER, Verb.FAILOVER])
def test_a_cancel_is_heeded_between_groups_without_a_question_between_them(verbs, plan, verb):
    job_id = verbs.submit_plan(verb, plan())
    when_asked(verbs, Kind.START_REPLICA, lambda: cancel(verbs, job_id))
    assert verbs.settle(job_id).job.state == "cancelled"
    verbs.rest()
    assert states(verbs)[2:] == [State.PROTECTED] * 3
    assert State.PROTECTED not in states(verbs)[:2]


def test_a_cancel_in_the_last_group_is_refused(verbs, plan):
    job_id = verbs.submit_plan(Verb.FAILOVER, plan(web={"before": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    verbs.appliances.silent.add(Kind.START_REPLICA)
    verbs.answer(job_id, "done")
    until(
        verbs, lambda: any(task.key == "g3/machines" and task.started_at for task in verbs.tree(job_id).tasks)
    )
    with pytest.raises(Refused, match="past the point of return"):
        cancel(verbs, job_id)


def test_a_cancelled_drill_does_not_begin_the_groups_that_it_would_clean_up(verbs, plan):
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, plan())
    when_asked(verbs, Kind.START_REPLICA, lambda: cancel(verbs, job_id))
    assert verbs.settle(job_id).job.state == "cancelled"
    assert set(asked(verbs, Kind.START_REPLICA)) <= {verbs.machine(name).id for name in NAMES[:2]}


def test_a_script_does_not_run_any_more_once_its_run_has_stopped(verbs, plan):
    verbs.appliances.scripts["move"] = ScriptResult(exit_status=0, seconds=1)
    script = Action("Move traffic", "", script="move", timeout_seconds=30)
    job_id = verbs.submit_plan(
        Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}, app={"before": (script,)})
    )
    until_asked(verbs, job_id)
    verbs.appliances.away.add(B)
    verbs.answer(job_id, "done")
    until(verbs, lambda: any("go back" in task.sentence for task in verbs.tree(job_id).tasks))
    verbs.appliances.away.clear()
    job = verbs.settle(job_id)
    verbs.rest()
    assert job.job.state == "failed"
    assert "whether script move ran is not known" in job.job.error.message
    assert verbs.appliances.ran == []
    assert states(verbs) == GROUP_1_ONLY


def test_a_run_that_asks_notices_who_has_left_its_gate(verbs, plan):
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC,)}))
    until_asked(verbs, job_id)
    (child,) = (each.job for each in verbs.tree(job_id).children if each.job.subject_name == "web02")
    with verbs.store.transaction() as tx:
        held_jobs.hold_all(tx.session)
    cancel(verbs, child.id)
    with verbs.store.transaction() as tx:
        verbs.engine.resume(tx.session, job_id)
    job = verbs.settle(job_id)
    verbs.rest()
    assert job.job.error.message == "These went back before it was their turn: web02"
    assert states(verbs) == GROUP_1_ONLY


def test_machines_wait_as_long_as_people_are_waited_for(verbs, plan):
    job_id = verbs.submit_plan(
        Verb.PLANNED_FAILOVER, plan(db={"after": (TRAFFIC, Action("Mail", "Look at mail"))})
    )
    for _ in range(2):
        until_asked(verbs, job_id)
        for _ in range(20):
            verbs.clock.pass_by(DAY)
            verbs.engine.run_until_idle()
        assert asks(verbs, job_id)
        verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 5
