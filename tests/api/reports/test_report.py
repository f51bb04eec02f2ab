"""The weekly report of a real vault: what it tells, of whom, and to whom."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain import rpo_samples
from secondsite.domain.access.roles import Role
from secondsite.domain.drills.schedules import DrillSchedule
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.domain.rpo_samples import Rpo
from secondsite.vault.store import (
    DriftRecord,
    DrillScheduleRecord,
    EvidenceRecord,
    PlanRecord,
    ProvenRecord,
    RecoveredRecord,
)
from secondsite.wire.common.properties import TargetProperties
from tests.support.vault import definition, machine, point, replica_status, source_status

MARKUP = "<b>web</b>\x1b[31m"
PLACE = PlanMachine("m1", "web01", "a", "b")
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)


def since_collected():
    """The seconds since `NOW`: a busy run comes to a test long after it was collected."""
    return (datetime.now(UTC) - NOW).total_seconds()


def evidence(number, ended_at, **changes):
    values = {
        "id": f"{number:032}-1", "job_id": f"{number:032}", "verb": Verb.TEST_FAILOVER, "subject": "web01",
        "state": "succeeded", "requested_by": "anna", "ended_at": ended_at, "sites": (("a", "b"),),
        "sha256": "x", "number": number, "document": "{}",
    }  # fmt: skip
    return EvidenceRecord(**{**values, **changes})


@pytest.fixture
def filled(vault, two_sites):
    """web01 with a history; one that was never drilled, with a name that is markup; one that runs at b."""
    source, target = two_sites
    sides = {"source_appliance_id": source.id, "target_appliance_id": target.id}
    proven = ProvenRecord(NOW - 3 * DAY, definition(), TargetProperties())
    web = machine(
        created_at=NOW - 30 * DAY, drilled_at=NOW - 3 * DAY, proven_as=proven,
        drift=DriftRecord(NOW - DAY, ("memory 4 GiB, was 2 GiB",)),
        recovered=RecoveredRecord(NOW - 3 * DAY, Verb.TEST_FAILOVER, 61.5), **sides,
    )  # fmt: skip
    with vault.store.transaction() as tx:
        policy = tx.policies.find("default")
        tx.policies.put(replace(policy, rto_goal_seconds=60))
        tx.machines.add(web)
        tx.machines.add(machine("m2", MARKUP, created_at=NOW - 30 * DAY, **sides))
        gone = machine(
            "m3", "gone", state=State.COMMITTED, created_at=NOW - 30 * DAY, failed_over_at=NOW, **sides
        )
        tx.machines.add(gone)
        tx.statuses.put_source(source_status(sent_at=NOW, last_seq=9), NOW)
        tx.statuses.put_replica(replica_status(points=[point(2, 30, NOW)]), NOW)
        for hours, ages in enumerate([(10.0, 2000.0), (10.0, 20.0), (None, 10.0)], start=1):
            block = {slot: Rpo(age, 1.0, 1.0) for slot, age in enumerate(ages)}
            tx.rpo.fill(HOUR - timedelta(hours=hours), {"m1": block})
        plan = RecoveryPlan("shop", (PlanGroup((PLACE,)),), rto_goal_seconds=600)
        tx.plans.put(PlanRecord("shop", plan, NOW - 9 * DAY, NOW - 9 * DAY))
        schedule = DrillSchedule("nightly", 1, "02:00", machines=(PLACE,))
        said = DrillScheduleRecord(
            "nightly", schedule, NOW, NOW, NOW + DAY, said="It runs at b.", said_at=NOW
        )
        tx.drill_schedules.put(said)
        for each in (
            evidence(1, NOW - 8 * DAY),
            evidence(2, NOW - 3 * DAY, document='{"plan": {"rto_seconds": 420.0}}', subject="plan shop"),
            evidence(3, NOW - 2 * DAY, state="failed"),
            evidence(4, NOW - 2 * DAY, subject="elsewhere", sites=(("c", "d"),)),
            evidence(5, NOW - 2 * DAY, verb=Verb.FAILOVER),
        ):
            tx.evidence.add(each)


def test_machines_stand_against_their_goals(ask, filled):
    found = {each["id"]: each for each in ask("GET", "/report")["machines"]}
    web = found["m1"]
    assert 30 <= web["rpo_seconds"] <= 900 + since_collected()
    assert (web["rpo_goal_seconds"], web["rpo_within"], web["rpo_worst_seconds"]) == (900, 0.8, 2000.0)
    assert (web["rto_seconds"], web["rto_goal_seconds"], web["rto_verb"]) == (61.5, 60, "test_failover")
    assert web["changes"] == ["memory 4 GiB, was 2 GiB"]
    assert found["m2"]["machine"] == MARKUP
    assert (found["m2"]["rpo_seconds"], found["m2"]["rpo_within"]) == (None, None)


def test_a_site_that_cannot_be_asked_says_so_and_a_machine_counts_where_it_runs(ask, filled):
    a, b = ask("GET", "/report")["coverage"]
    assert (a["site"], a["machines"], a["protected"]) == ("a", 2, 2)
    assert (b["site"], b["machines"], b["protected"]) == ("b", 1, 0)
    assert "No appliance of site a" in a["problem"]["message"]


def test_drills_that_were_and_that_should_have_been_are_told(ask, filled):
    found = ask("GET", "/report")
    assert [(each["subject"], each["state"]) for each in found["drills"]] == [
        ("elsewhere", "succeeded"), ("web01", "failed"), ("plan shop", "succeeded"),
    ]  # fmt: skip
    missed = {each["subject"]: each["what"] for each in found["missed"]}
    assert missed["schedule nightly"] == "It runs at b."
    assert "No test failover of machine '<b>web</b>" in missed[MARKUP]


def test_a_plan_stands_against_its_goal_with_its_last_run(ask, filled):
    [plan] = ask("GET", "/report")["plans"]
    assert (plan["plan"], plan["rto_seconds"], plan["rto_goal_seconds"]) == ("shop", 420.0, 600)


def test_findings_are_told_with_how_long_they_are_open_critical_ones_first(ask, filled):
    found = ask("GET", "/report")["findings"]
    severities = [each["severity"] for each in found]
    assert severities == sorted(severities)
    drift = next(each for each in found if each["code"] == "drifted")
    assert drift["open_seconds"] == pytest.approx(86400 + since_collected(), abs=900)


def test_who_asked_for_what_is_counted_by_the_audit_log(ask, filled):
    found = {(each["who"], each["verb"]): each["count"] for each in ask("GET", "/report")["changes"]}
    assert found["admin", "POST /sites"] == 2


def test_a_reader_of_one_site_sees_that_site_only(vault, ask, filled):
    vault.enroll("c", "three")
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m9", "hidden", source_site="c", target_site="b", home_site="c"))
    made = ask("POST", "/tokens", 201, json={"name": "at-a", "roles": [Role.READER], "site": "a"})
    own = {"Authorization": f"Bearer {made['token']}"}
    found = ask("GET", "/report", headers=own)
    assert found["site"] == "a"
    assert [each["site"] for each in found["coverage"]] == ["a"]
    assert {each["id"] for each in found["machines"]} == {"m1", "m2", "m3"}
    assert {each["subject"] for each in found["drills"]} == {"plan shop", "web01"}
    assert found["changes"] is None
    assert "hidden" not in str(found)


def test_a_thousand_machines_with_samples_of_a_day_cost_little(vault, ask, two_sites, record_property):
    source, target = two_sites
    sides = {"source_appliance_id": source.id, "target_appliance_id": target.id}
    block = {slot: Rpo(10.0, 1.0, 1.0) for slot in range(60)}
    names = [f"id-{each:04}" for each in range(1000)]
    with vault.store.transaction() as tx:
        for each in names:
            tx.machines.add(machine(each, f"web-{each}", created_at=NOW - 30 * DAY, **sides))
        for hour in range(1, 25):
            tx.rpo.fill(HOUR - timedelta(hours=hour), dict.fromkeys(names, block))
    began = time.process_time()
    found = vault.facade.reports.make()
    record_property("processor_seconds", round(time.process_time() - began, 2))
    assert len(found.machines) == 1000
    assert {each.rpo_within for each in found.machines} == {1.0}
    answer = vault.rest.get("/api/report")
    record_property("megabytes", round(len(answer.content) / 1e6, 2))


def test_a_block_is_judged_as_it_is_packed():
    block = {0: Rpo(5.0, 1.0, 1.0), 7: Rpo(None, None, None), 59: Rpo(901.5, 1.0, 1.0)}
    found = rpo_samples.kept(rpo_samples.pack(block) + b"cut", 900)
    assert (found.samples, found.within, found.worst) == (2, 1, 901.5)
