"""Findings that stand until somebody acts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from secondsite.domain.drills.verdicts import Verdict
from secondsite.domain.health import Health
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.vault.health import findings, standing_findings
from secondsite.vault.store import ApplianceRecord, BootedRecord, DrillRecord, StatusRecord
from tests.support.vault import NOW, machine
from tests.vault.support_operations import Verbs, folder_in_memory

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def codes(now, **changes):
    return [finding.code for finding in standing_findings.standing(machine(**changes), now)]


def test_a_machine_that_was_never_drilled_is_told_of_a_week_after_its_protection():
    assert codes(NOW + 7 * DAY, created_at=NOW) == []
    (finding,) = standing_findings.standing(machine(created_at=NOW), NOW + 8 * DAY)
    assert (finding.code, finding.since) == ("never-drilled", NOW + 7 * DAY)
    assert "cleanup-test-failover" in finding.kind.do


def test_a_drill_counts_as_long_as_the_settings_say():
    found = standing_findings.standing(machine(drilled_at=NOW), NOW + 31 * DAY, 30 * DAY)
    assert [each.code for each in found] == ["drill-is-old"]


def test_a_drill_that_nobody_completes_is_told_of_from_the_second_day_on():
    drill = DrillRecord("p1", "f1", "web01-test", None, False, NOW, "j1")
    waits = machine(drill=drill, drill_state=DrillState.RUNNING, created_at=NOW)
    assert not list(standing_findings.standing(waits, NOW + DAY))
    (finding,) = standing_findings.standing(waits, NOW + 400 * DAY)
    assert (finding.code, finding.since) == ("drill-waits", NOW + DAY)
    assert f"has been waiting since {NOW:%Y-%m-%d %H:%M} UTC" in finding.what


def test_what_a_drill_has_not_shown_leaves_the_machine_healthy_but_one_that_failed_does_not():
    fresh = machine(created_at=NOW)
    never = tuple(standing_findings.standing(fresh, NOW + 8 * DAY))
    assert findings.overall(fresh, never) is Health.HEALTHY
    bad = machine(drilled_at=NOW, drill_failed_at=NOW)
    assert findings.overall(bad, tuple(standing_findings.standing(bad, NOW + HOUR))) is Health.WARNING


def test_a_copy_that_was_of_no_use_is_told_of_until_another_look_says_otherwise():
    failed = BootedRecord("p1", "j1", "1 of 1 checks failed", Verdict.FAILED, looked_at=NOW)
    assert codes(NOW + HOUR, booted=failed) == ["boot-failed"]
    assert codes(NOW + HOUR, booted=replace(failed, verdict=Verdict.PASSED)) == []
    assert codes(NOW + HOUR, booted=replace(failed, verdict=None)) == []
    assert codes(NOW + 2 * HOUR, booted=failed, drilled_at=NOW + HOUR) == []
    assert codes(NOW + 2 * HOUR, booted=failed, drilled_at=NOW + HOUR, drill_failed_at=NOW + HOUR) == [
        "drill-failed",
        "boot-failed",
    ]


def test_a_drill_counts_for_90_days():
    assert codes(NOW + 90 * DAY, drilled_at=NOW) == []
    (finding,) = standing_findings.standing(machine(drilled_at=NOW), NOW + 91 * DAY)
    assert (finding.code, finding.since) == ("drill-is-old", NOW + 90 * DAY)
    assert f"ended on {NOW:%Y-%m-%d}" in finding.what


@pytest.mark.parametrize("state", [State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED])
def test_a_machine_that_runs_at_its_target_is_not_protected_from_its_failover_on(state):
    assert codes(NOW + SECOND, state=state, failed_over_at=NOW) == ["not-protected"]
    (found,) = standing_findings.standing(machine(state=state, failed_over_at=NOW), NOW + SECOND)
    assert found.what.endswith(
        "for reprotect." if state is State.COMMITTED else "for commit, and then reprotect."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"drill_state": DrillState.RUNNING},
        {"state": State.REPROTECTING, "failed_over_at": NOW},
        {"state": State.INITIAL_REPLICATING},
        {"state": State.FAILED_OVER, "failed_over_at": None},
    ],
    ids=str,
)
def test_nothing_is_told_while_something_is_done_about_it(changes):
    assert codes(NOW + 400 * DAY, created_at=NOW, **changes) == []


def test_lists_look_again_when_one_begins_to_be_told():
    """They show what was written last as long as it stays true."""
    resting = machine(created_at=NOW, drilled_at=NOW, state=State.COMMITTED, failed_over_at=NOW)
    ends_at = NOW + 80 * DAY
    appliance = ApplianceRecord("x", "x", "a", NOW, ends_at, last_seen_at=NOW, connected=True)
    nothing = StatusRecord("m1", None, None, None, None)
    known = findings.Situation(resting, nothing, None, appliance, appliance)
    assert findings.steady_until(known, NOW) == NOW
    found = findings.findings(known, NOW + SECOND)
    assert [each.code for each in found] == ["not-protected"]
    assert findings.overall(resting, found) is Health.WARNING


def test_a_drill_that_is_cleaned_up_ends_it():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect("web01")
        verbs.run(Verb.TEST_FAILOVER, "web01")
        assert verbs.machine("web01").drilled_at is None
        verbs.run(Verb.CLEANUP_TEST_FAILOVER, "web01")
        assert verbs.machine("web01").drilled_at is not None
        verbs.close()
