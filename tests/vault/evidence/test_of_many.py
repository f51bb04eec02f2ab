"""Evidence of batches and of runs of plans: one document for all of their machines, with what each was
started from."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

from secondsite.domain.access import evidence
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.actions import Action
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import TRAFFIC, until_asked

PNG = b"\x89PNG\r\n\x1a\n and more"
MOVE = Action("Traffic", script="move-traffic", timeout_seconds=30)


def test_a_batch_is_one_document_with_each_machine_s_point_loss_and_time(verbs, plan, kept):
    plan()
    job = verbs.run(Verb.TEST_FAILOVER, "db01", "db02", "app01")
    row, told = kept(job.job.id)
    assert (row.verb, row.state) == ("test_failover", "succeeded")
    assert sorted(each["name"] for each in told["machines"]) == ["app01", "db01", "db02"]
    for each in told["machines"]:
        assert each["point_id"]
        assert each["rpo_seconds"] >= 0
        assert each["rpo_goal_seconds"] > 0
        assert each["rto_goal_seconds"] is None, "none is set"
        assert each["rto_started_seconds"] >= 0
        assert each["sites"] == ["a", "b"]
        assert each["job"]["asked"]["choice"] == "latest_processed"
    assert row.sites == (("a", "b"),) * 3


def test_it_has_the_goal_that_the_machine_s_policy_sets(verbs, plan, kept):
    plan()
    with verbs.store.transaction() as tx:
        policy = tx.policies.find(verbs.machine("db01").policy)
        tx.policies.put(replace(policy, rto_goal_seconds=120))
    _, told = kept(verbs.run(Verb.TEST_FAILOVER, "db01").job.id)
    assert [each["rto_goal_seconds"] for each in told["machines"]] == [120]


def test_a_run_of_a_plan_has_its_groups_and_what_failed_in_it(verbs, plan, kept):
    shop = plan()
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db02").id)
    job = verbs.run_plan(Verb.FAILOVER, shop)
    row, told = kept(job.job.id)
    assert (row.verb, row.subject, row.state) == ("failover", "plan shop", "partially_succeeded")
    ids = {each["id"]: each["name"] for each in told["machines"]}
    groups = [[ids[one] for one in group["children"]] for group in told["job"]["asked"]["groups"]]
    assert groups == [["db01", "db02"], ["app01"], ["web01", "web02"]]
    failed = next(each for each in told["machines"] if each["name"] == "db02")
    assert failed["job"]["problem"]["message"]
    assert failed["rto_started_seconds"] is None
    assert told["steps"][0]["name"] == "Prerequisites check"


def test_a_run_that_was_refused_by_its_check_is_evidence_too(verbs, plan, kept):
    shop = plan()
    verbs.appliances.fail(Kind.CHECK_TARGET, machine_id=verbs.machine("web02").id)
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, shop)
    row, told = kept(job.job.id)
    assert row.state == "failed"
    assert len(told["machines"]) == len(NAMES)
    assert "web02" in told["job"]["problem"]["message"]


def test_who_answered_what_when_and_how_a_script_ended_are_in_it(verbs, plan, kept):
    verbs.appliances.scripts["move-traffic"] = ScriptResult(exit_status=3, output="no route\n", seconds=1.5)
    job_id = verbs.submit_plan(Verb.FAILOVER, plan(db={"after": (TRAFFIC, MOVE)}))
    until_asked(verbs, job_id)
    verbs.answer(job_id, "done", "<script>alert(1)</script>")
    verbs.settle(job_id)
    _, told = kept(job_id)
    (asked,) = [each for each in told["steps"] if each["answer"]]
    assert asked["asks"] == TRAFFIC.instruction
    answer = asked["answer"]
    assert (answer["by"], answer["verdict"], answer["note"]) == ("ada", "done", "<script>alert(1)</script>")
    assert answer["at"]
    (script,) = [each["script"] for each in told["steps"] if each["script"]]
    assert (script["exit_status"], script["output"], script["seconds"]) == (3, "no route\n", 1.5)


def test_the_clean_up_of_a_batch_has_the_notes(verbs, plan, kept):
    plan()
    verbs.run(Verb.TEST_FAILOVER, "db01", "db02")
    job = verbs.run(Verb.CLEANUP_TEST_FAILOVER, "db01", "db02", notes="boots; <b>login</b> works")
    _, told = kept(job.job.id)
    assert {each["job"]["asked"]["notes"] for each in told["machines"]} == {"boots; <b>login</b> works"}


def test_a_thousand_machines_are_not_written_twice(verbs, plan, kept):
    """Their arguments stand with each of them, not with the run as well."""
    job = verbs.run_plan(Verb.FAILOVER, plan())
    _, told = kept(job.job.id)
    assert "choice" not in json.dumps(told["job"]["asked"])


def test_each_machine_s_picture_is_named_kept_and_outlives_its_job(verbs, plan, kept):
    plan()
    verbs.appliances.shows, verbs.appliances.screen = True, PNG
    job = verbs.run(Verb.TEST_FAILOVER, "db01", "db02")
    row, told = kept(job.job.id)
    named = {each["picture"]["sha256"] for each in told["machines"]}
    assert named == {hashlib.sha256(PNG).hexdigest()} == evidence.pictures_of(told)
    with verbs.store.transaction() as tx:
        tx.pictures.forget(verbs.clock.now() + timedelta(days=1))
        assert [tx.evidence.picture(row.id, each) for each in named] == [PNG]


def test_a_machine_without_a_screen_has_no_picture(verbs, plan, kept):
    plan()
    _, told = kept(verbs.run(Verb.TEST_FAILOVER, "db01", "db02").job.id)
    assert [each["picture"] for each in told["machines"]] == [None, None]
