"""Drills that were, and drills that should have been."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from .....domain.lifecycle import Verb
from .....wire.rest.access.reports import MissedDrill, ReportDrill
from .....wire.rest.drill_schedules import DrillSchedule
from ....store import EvidenceLine, Transaction
from ...parts import Parts
from .machines import Found

VERBS = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER})
MISSED = frozenset({"never-drilled", "drill-is-old", "drill-failed", "drill-waits"})
"""Findings that say that a drill is missing."""
MOST = 500
"""How many drills are told one by one."""


def done(parts: Parts, tx: Transaction, since: datetime, now: datetime) -> list[ReportDrill]:
    """The drills of the week that the caller sees, the newest first."""
    return [_drill(each) for each in tx.evidence.lines(since, now, VERBS) if _sees(parts, each)]


def _sees(parts: Parts, of: EvidenceLine) -> bool:
    if parts.sees():
        return True
    return bool(of.sites) and all(sites and parts.sees(*sites) for sites in of.sites)


def _drill(of: EvidenceLine) -> ReportDrill:
    return ReportDrill(
        evidence=of.id, verb=Verb(of.verb), subject=of.subject, state=of.state,
        requested_by=of.requested_by, ended_at=of.ended_at,
    )  # fmt: skip


def missed(of: Found, schedules: Sequence[DrillSchedule], since: datetime) -> Iterator[MissedDrill]:
    """Turns of schedules that were given up or wait, and machines whose last drill does not count."""
    for each in schedules:
        if each.said and each.said_at is not None and each.said_at >= since:
            yield MissedDrill(subject=f"schedule {each.name}", what=each.said, since=each.said_at)
    for situation, own in of:
        for finding in own:
            if finding.code in MISSED:
                yield MissedDrill(subject=situation.machine.name, what=finding.told, since=finding.since)
