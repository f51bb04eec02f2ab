"""Reports of any size, with names that mean harm."""

from datetime import UTC, datetime, timedelta

from secondsite.domain.access.chain import Outcome
from secondsite.domain.health import Health, Severity
from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.common.base import Problem
from secondsite.wire.rest.access.reports import (
    MissedDrill,
    Report,
    ReportChange,
    ReportDrill,
    ReportFinding,
    ReportMachine,
    ReportPlan,
    SiteCoverage,
)

NOW = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
AGO = {days: NOW - timedelta(days=days) for days in range(100)}
EVIL = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "\x1b[31m\u202eevil",
    "Größe-\u4e2d\u6587",
    "@x",
    "-1+1",
)


def machine(number: int) -> ReportMachine:
    name = EVIL[number % 100] if number % 100 < len(EVIL) else f"web{number:04}"
    drifts = number % 7 == 1
    return ReportMachine(
        id=f"{number:032x}", machine=name, source_site="paris", target_site="rome",
        policy="gold" if number % 2 else "default", state=State.PROTECTED,
        health=Health.WARNING if drifts else Health.HEALTHY,
        rpo_seconds=42.5 if number % 11 else 1800.0, rpo_goal_seconds=900,
        rpo_within=0.9991, rpo_worst_seconds=960.0,
        rto_seconds=61.5 if number % 5 else None, rto_goal_seconds=60 if number % 3 else None,
        rto_verb=Verb.TEST_FAILOVER if number % 5 else None, rto_at=AGO[3] if number % 5 else None,
        drilled_at=AGO[3], drill_failed=number % 13 == 2, proven_at=AGO[3],
        drifted_since=AGO[1] if drifts else None,
        changes=("memory 4 GiB, was 2 GiB", f"a disk came: {EVIL[0]}") if drifts else (),
    )  # fmt: skip


def finding(number: int) -> ReportFinding:
    severity = Severity.WARNING if number else Severity.CRITICAL
    what = f"The last test failover of machine '{EVIL[0]}' ended on 2026-08-20, more than 90 days ago."
    return ReportFinding(
        machine=f"web{number:04}", code="drill-is-old", severity=severity, what=what, since=AGO[9],
        open_seconds=9 * 86400,
    )  # fmt: skip


def plan(name: str, **run) -> ReportPlan:
    return ReportPlan(plan=name, machines=3, rto_goal_seconds=600, run_at=AGO[2], **run)


def report(many: int, drills: int = 4) -> Report:
    return Report(
        vault="acme", version="0.3.0", since=AGO[7], until=NOW,
        coverage=(
            SiteCoverage(site="paris", machines=many + 2, protected=many),
            SiteCoverage(
                site="rome", machines=0, protected=0, seen_at=AGO[2],
                problem=Problem(code="appliance-unreachable", message="No connection.", do="Wait."),
            ),
        ),
        machines=tuple(machine(each) for each in range(many)),
        plans=(
            plan("shop", rto_seconds=421.0, run_verb=Verb.FAILOVER),
            plan("office", run_verb=Verb.TEST_FAILOVER),
            ReportPlan(plan="new", machines=1),
        ),
        drills=tuple(
            ReportDrill(
                evidence=f"{each:032x}-1", verb=Verb.TEST_FAILOVER, subject="plan shop",
                state="failed" if each == 1 else "succeeded", requested_by=EVIL[1], ended_at=AGO[each % 7],
            )
            for each in range(drills)
        ),
        missed=(MissedDrill(subject="schedule nightly", what="Machine web01 is failed over.", since=AGO[1]),),
        findings=tuple(finding(each) for each in range(min(many, 40))),
        changes=(
            ReportChange(who=EVIL[1], verb="POST /machines/failover", outcome=Outcome.DONE, count=3),
            ReportChange(who="anna", verb="PUT /policies/{policy}", outcome=Outcome.REFUSED, count=12),
        ),
    )  # fmt: skip
