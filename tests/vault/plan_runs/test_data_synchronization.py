"""The way home of a plan whose machines were not reprotected: synchronized before the failover, or during
it."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.directions import Direction
from secondsite.domain.points import RecoveryPointChoice
from secondsite.jobs.model.asking import asks_now
from secondsite.jobs.model.failures import Refused
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import TRAFFIC, cancel, states, until, until_asked
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import OTHER_A, add_host, said

ALL = len(NAMES)


@pytest.fixture
def away(verbs, plan):
    """`away(db=...)`: the plan with such actions; its machines were failed over in need, committed, and not
    reprotected."""

    def made(**actions):
        quiet, shop = plan(), plan(**actions)
        for verb in (Verb.FAILOVER, Verb.COMMIT):
            assert verbs.run_plan(verb, quiet).job.state == "succeeded"
        for name in NAMES:
            verbs.appliances.copies.stop(verbs.machine(name).id, A)
        verbs.appliances.given.clear()
        return shop

    return made


def begin(verbs, shop, sync, **more):
    return verbs.submit_plan(Verb.PLANNED_FAILOVER, shop, data_sync=sync, **more)


def asked(verbs, job_id):
    """What the run asks now."""
    until_asked(verbs, job_id)
    return next(task for task in verbs.tree(job_id).tasks if asks_now(task))


def orders(verbs, *kinds):
    """Of these kinds, in the order in which they were given: (kind, name of the machine)."""
    names = {verbs.machine(name).id: name for name in NAMES}
    return [(kind, names[machine]) for _, kind, machine in verbs.appliances.given if kind in kinds]


def running_at(verbs, site):
    return [name for name in NAMES if site in verbs.appliances.running(verbs.machine(name).id)]


# ---- before the failover
# ---------------------------------------------------------------------------------------------


def test_before_all_are_protected_back_while_they_run_and_one_answer_moves_them(verbs, away):
    job_id = begin(verbs, away(), "before")
    question = asked(verbs, job_id)
    assert question.title == "Complete failover"
    assert states(verbs) == [State.PROTECTED] * ALL
    assert running_at(verbs, B) == list(NAMES)
    assert orders(verbs, Kind.SHUT_DOWN) == []
    assert {each.sync for each in verbs.appliances.setups.values()} == {SyncMode.COMPARE}
    verbs.close()
    verbs.open()
    until_asked(verbs, job_id)
    verbs.answer(job_id, "complete")
    job = verbs.settle(job_id)
    assert job.job.state == "succeeded", job
    assert [task.title for task in job.tasks] == [
        "Prerequisites check", "All groups: Synchronize", "Complete failover", "All groups: Recovery points",
        "All groups: Copy ahead",
        "Group 3: Shut down (2)", "Group 2: Shut down (1)", "Group 1: Shut down (2)",
        "Group 1: Planned failover (2)", "Group 2: Planned failover (1)", "Group 3: Planned failover (2)",
        "Outcome",
    ]  # fmt: skip
    assert said(job, "Outcome").sentence == "5 of 5 machines"
    up = [name for _, name in orders(verbs, Kind.START_REPLICA)]
    assert (set(up[:2]), up[2], set(up[3:])) == ({"db01", "db02"}, "app01", {"web01", "web02"})
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * ALL
    assert (running_at(verbs, A), verbs.appliances.copies.two) == (list(NAMES), [])


def test_before_those_that_are_protected_already_are_passed_by(verbs, away):
    shop = away()
    assert verbs.run(Verb.REPROTECT, "db01", "app01").job.state == "succeeded"
    verbs.appliances.given.clear()
    job_id = begin(verbs, shop, "before")
    until_asked(verbs, job_id)
    assert {name for _, name in orders(verbs, Kind.START_REPLICATION)} == {"db02", "web01", "web02"}
    verbs.answer(job_id, "complete")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert running_at(verbs, A) == list(NAMES)


def test_before_cancelled_while_it_waits_all_stay_where_they_are_and_protected(verbs, away):
    shop = away()
    job_id = begin(verbs, shop, "before")
    until_asked(verbs, job_id)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert (states(verbs), running_at(verbs, B)) == ([State.PROTECTED] * ALL, list(NAMES))
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, shop).job.state == "succeeded"
    assert running_at(verbs, A) == list(NAMES)


def test_before_one_that_cannot_be_synchronized_lets_none_be_moved_and_the_others_stay_protected(verbs, away):
    shop = away()
    verbs.appliances.fail(Kind.START_REPLICATION, machine_id=verbs.machine("app01").id)
    job = verbs.settle(begin(verbs, shop, "before"))
    assert job.job.state == "failed"
    assert job.job.error.message == (
        "4 of 5 succeeded; not: app01; none was moved; protected, and running where they are: "
        "db01, db02, web01, web02"
    )
    assert orders(verbs, Kind.SHUT_DOWN) == []
    assert [verbs.state(name) for name in ("db01", "app01")] == [State.PROTECTED, State.COMMITTED]
    assert running_at(verbs, B) == list(NAMES)
    verbs.appliances.mend()
    with verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job.job.id)
    until_asked(verbs, job.job.id)
    verbs.answer(job.job.id, "complete")
    assert verbs.settle(job.job.id).job.state == "succeeded"
    assert running_at(verbs, A) == list(NAMES)


def test_before_what_somebody_else_did_while_it_waited_is_not_done_over(verbs, away):
    job_id = begin(verbs, away(), "before")
    until_asked(verbs, job_id)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        one = verbs.submit(verb, "app01")
        until(verbs, lambda one=one: verbs.tree(one).job.state.ended)
        assert verbs.tree(one).job.state == "succeeded"
    verbs.answer(job_id, "complete")
    job = verbs.settle(job_id)
    assert "Somebody else has acted on these since they were synchronized: app01" in job.job.error.message
    assert (running_at(verbs, A), verbs.state("db01")) == (["app01"], State.PROTECTED)


def test_before_a_move_that_fails_brings_those_that_had_not_started_back(verbs, away):
    shop = away()
    job_id = begin(verbs, shop, "before")
    until_asked(verbs, job_id)
    verbs.appliances.fail(Kind.SHUT_DOWN, times=1, machine_id=verbs.machine("app01").id)
    verbs.answer(job_id, "complete")
    assert verbs.settle(job_id).job.state == "failed"
    until(verbs, lambda: all(each.state.ended for each in verbs.jobs()))
    assert (states(verbs), running_at(verbs, B)) == ([State.PROTECTED] * ALL, list(NAMES))
    with pytest.raises(Refused), verbs.store.transaction() as tx:
        verbs.engine.retry(tx.session, job_id)


@pytest.mark.parametrize("when", ["before", "after"])
def test_before_what_people_do_around_the_groups_comes_after_the_answer(verbs, away, when):
    job_id = begin(verbs, away(app={when: (TRAFFIC,)}), "before")
    assert asked(verbs, job_id).title == "Complete failover"
    verbs.answer(job_id, "complete")
    until(verbs, lambda: "Traffic" in asked(verbs, job_id).title)
    assert verbs.state("db01") is State.PLANNED_FAILED_OVER
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"


# ---- during the failover
# ---------------------------------------------------------------------------------------------


def test_during_each_group_is_shut_down_sent_and_started_before_the_next(verbs, away):
    job = verbs.settle(begin(verbs, away(), "during"))
    assert job.job.state == "succeeded", job
    assert [task.title for task in job.tasks] == [
        "Prerequisites check", "Group 1: Planned failover (2)", "Group 2: Planned failover (1)",
        "Group 3: Planned failover (2)", "Outcome",
    ]  # fmt: skip
    given = orders(verbs, Kind.SHUT_DOWN, Kind.START_REPLICA)
    last = max(place for place, (_, name) in enumerate(given) if name in ("db01", "db02"))
    assert {name for _, name in given[: last + 1]} == {"db01", "db02"}
    assert {each.sync for each in verbs.appliances.setups.values()} == {SyncMode.COPY}
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * ALL
    assert (running_at(verbs, A), verbs.appliances.copies.two) == (list(NAMES), [])
    assert said(job, "Outcome").sentence == "5 of 5 machines"


def test_during_a_group_that_fails_stops_the_run_and_its_machine_runs_again_where_it_ran(verbs, away):
    shop = away(db={"after": (TRAFFIC,)})
    verbs.appliances.fail(Kind.START_REPLICATION, machine_id=verbs.machine("app01").id)
    job_id = begin(verbs, shop, "during")
    until_asked(verbs, job_id)
    assert verbs.state("db01") is State.PLANNED_FAILED_OVER
    assert verbs.state("app01") is State.COMMITTED
    verbs.answer(job_id, "done")
    job = verbs.settle(job_id)
    assert (job.job.state, "not: app01" in job.job.error.message) == ("failed", True)
    assert states(verbs) == [State.PLANNED_FAILED_OVER] * 2 + [State.COMMITTED] * 3
    assert running_at(verbs, B) == ["app01", "web01", "web02"]
    verbs.appliances.mend()
    again = verbs.settle(begin(verbs, shop, "during"))
    assert again.job.state == "succeeded"
    assert "left out: db01: it is planned_failed_over" in said(again, "Prerequisites check").sentence
    assert (running_at(verbs, A), verbs.appliances.copies.two) == (list(NAMES), [])


def test_during_one_that_is_protected_already_is_moved_as_ever(verbs, away):
    shop = away()
    assert verbs.run(Verb.REPROTECT, "web01").job.state == "succeeded"
    job = verbs.settle(begin(verbs, shop, "during"))
    assert job.job.state == "succeeded", job
    modes = {name: verbs.appliances.setups[verbs.machine(name).id].sync for name in NAMES}
    assert (modes["web01"], modes["web02"]) == (SyncMode.COMPARE, SyncMode.COPY)
    assert running_at(verbs, A) == list(NAMES)


def test_during_a_cancel_between_groups_leaves_the_others_where_they_run(verbs, away):
    job_id = begin(verbs, away(db={"after": (TRAFFIC,)}), "during")
    until_asked(verbs, job_id)
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert (running_at(verbs, A), running_at(verbs, B)) == (["db01", "db02"], ["app01", "web01", "web02"])
    assert states(verbs)[2:] == [State.COMMITTED] * 3


# ---- scripts
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", ["before", "during"])
def test_scripts_run_at_home_and_inside_machines_that_are_home(verbs, away, sync):
    verbs.appliances.scripts["look"] = ScriptResult(exit_status=0)
    home = verbs.machine("db01").source_fabric_id
    inside = Action("Inside", script="look", timeout_seconds=30, guest=verbs.machine("db01").id)
    at_host = Action("Beside", script="look", timeout_seconds=30)
    job_id = begin(verbs, away(app={"before": (inside, at_host)}), sync)
    if sync == "before":
        until_asked(verbs, job_id)
        verbs.answer(job_id, "complete")
    job = verbs.settle(job_id)
    assert job.job.state == "succeeded", job
    assert [at for at, _, _ in verbs.appliances.ran] == [A, A]
    assert [fabric_id for fabric_id, _ in verbs.appliances.ran_in] == [home]
    assert {(told.direction, told.kind, told.at_site) for _, _, told in verbs.appliances.ran} == {
        ("home", "planned", "a")
    }


@pytest.mark.parametrize("sync", ["before", "during"])
def test_a_script_inside_a_machine_that_is_not_home_yet_is_not_run(verbs, away, sync):
    verbs.appliances.scripts["look"] = ScriptResult(exit_status=0)
    inside = Action("Inside", script="look", timeout_seconds=30, guest=verbs.machine("web01").id)
    job_id = begin(verbs, away(app={"before": (inside,)}), sync)
    if sync == "before":
        until_asked(verbs, job_id)
        verbs.answer(job_id, "complete")
    job = verbs.settle(job_id)
    assert "web01 was not started" in job.job.error.message
    assert (verbs.appliances.ran, running_at(verbs, A)) == ([], ["db01", "db02"])


# ---- which machines, and what is refused
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", ["before", "during"])
def test_machines_that_are_left_out_stay_as_they_are(verbs, away, sync):
    job_id = begin(verbs, away(), sync, leave_out=frozenset({"web02"}), groups=frozenset({1, 3}))
    if sync == "before":
        until_asked(verbs, job_id)
        verbs.answer(job_id, "complete")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert running_at(verbs, A) == ["db01", "db02", "web01"]
    assert [verbs.state(name) for name in ("app01", "web02")] == [State.COMMITTED] * 2


@pytest.mark.parametrize("sync", ["before", "during"])
def test_one_that_is_protected_at_home_is_not_taken(verbs, away, sync):
    shop = away()
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb, "app01").job.state == "succeeded"
    job_id = begin(verbs, shop, sync)
    if sync == "before":
        until_asked(verbs, job_id)
        verbs.answer(job_id, "complete")
    job = verbs.settle(job_id)
    assert job.job.state == "succeeded"
    assert "app01: it would go away" in said(job, "Prerequisites check").sentence
    assert running_at(verbs, A) == list(NAMES)


def test_a_plan_of_which_all_are_protected_needs_none(verbs, away):
    shop = away()
    assert verbs.run_plan(Verb.REPROTECT, shop).job.state == "succeeded"
    for sync in ("before", "during"):
        with pytest.raises(errors.NotPossibleNow, match="all are protected") as refused:
            begin(verbs, shop, sync)
        assert "secondsite plan planned-failover shop" in refused.value.do


def test_what_does_not_go_together_is_refused_before_anything_is_written(verbs, away):
    shop = away()
    with pytest.raises(errors.InvalidArgument, match="for the way home"):
        begin(verbs, shop, "before", direction=Direction.AWAY)
    with pytest.raises(errors.InvalidArgument, match="only the last state"):
        begin(verbs, shop, "during", choice=RecoveryPointChoice.LATEST_APP_CONSISTENT)
    assert not [job for job in verbs.jobs() if not job.state.ended]
    assert verbs.appliances.given == []


# ---- to another place
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", ["before", "during"])
def test_all_go_home_to_the_appliance_that_took_the_place_of_theirs(verbs, away, sync):
    shop = away()
    add_host(verbs, A, OTHER_A, 9)
    verbs.appliances.never_had = {OTHER_A}
    job_id = begin(verbs, shop, sync, location="alternate", target_appliance=OTHER_A)
    if sync == "before":
        until_asked(verbs, job_id)
        verbs.answer(job_id, "complete")
    job = verbs.settle(job_id)
    assert job.job.state == "succeeded", job
    assert {each.sync for each in verbs.appliances.setups.values()} == {SyncMode.COPY}
    assert {verbs.machine(name).target_appliance_id for name in NAMES} == {OTHER_A}
    assert (running_at(verbs, OTHER_A), verbs.appliances.copies.two) == (list(NAMES), [])


def test_a_place_is_for_a_data_synchronization(verbs, away):
    shop = away()
    with pytest.raises(errors.InvalidArgument, match="are for a data synchronization"):
        verbs.submit_plan(Verb.PLANNED_FAILOVER, shop, location="alternate")
