"""What rows and records of machines say together. Pure."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ....domain import health as catalogue
from ....domain.health import Health, Severity
from ....domain.lifecycle import State
from ....domain.policies import ReplicationPolicy
from ....ground.job_states import JobState
from ....wire.rest.glance.job_rows import JobRow
from ....wire.rest.glance.machine_rows import MachineRow
from ....wire.rest.glance.overview import (
    JobsOverview,
    MachineAge,
    Readiness,
    RpoOverview,
    SiteEdge,
    SiteNode,
)
from ...health.findings import REPLICATES
from ...store import ApplianceRecord, MachineRecord

MOST_NEEDS, NAMED, WORST, MOST_JOBS = 30, 3, 10, 20
NEVER, OLD, FAILED, DRIFTED = "never-drilled", "drill-is-old", "drill-failed", "drifted"
Way = tuple[str, str]


def needs(rows: Iterable[MachineRow]) -> Sequence[tuple[str, Sequence[MachineRow]]]:
    """The codes of findings, the worst first, then what most machines have; each with its machines by
    name."""
    found: defaultdict[str, list[MachineRow]] = defaultdict(list)
    for row in rows:
        for code in row.findings:
            found[code].append(row)
    ordered = sorted(found.items(), key=lambda each: _urgency(each[0], len(each[1])))
    by_name = ((code, sorted(having, key=lambda row: row.name)) for code, having in ordered[:MOST_NEEDS])
    return [*by_name]


def _urgency(code: str, machines: int) -> tuple[bool, bool, int, str]:
    kind = catalogue.CATALOGUE[code]
    return kind.severity is not Severity.CRITICAL, not kind.colours, -machines, code


def rpo(rows: Iterable[MachineRow], now: datetime) -> RpoOverview:
    """How fresh the machines that replicate are."""
    replicating = [row for row in rows if row.state in REPLICATES]
    ages = [
        _Age(max(0.0, round(now.timestamp() - row.recoverable_at, 1)), row.rpo_goal_seconds, row)
        for row in replicating
        if row.recoverable_at is not None
    ]
    beyond = sum(each.goal_seconds is not None and each.seconds > each.goal_seconds for each in ages)
    return RpoOverview(
        replicating=len(replicating),
        within_goal=len(ages) - beyond,
        beyond_goal=beyond,
        unknown=len(replicating) - len(ages),
        worst=tuple(_shape(each) for each in heapq.nlargest(WORST, ages, key=_share)),
    )


class _Age(NamedTuple):
    """How much work a machine would lose."""

    seconds: float
    goal_seconds: int | None
    row: MachineRow


def _share(age: _Age) -> float:
    return age.seconds / (age.goal_seconds or 1)


def _shape(age: _Age) -> MachineAge:
    return MachineAge(id=age.row.id, name=age.row.name, seconds=age.seconds, goal_seconds=age.goal_seconds)


def readiness(
    rows: Iterable[MachineRow],
    machines: Iterable[MachineRecord],
    policies: Mapping[str, ReplicationPolicy],
) -> Readiness:
    """How sure it is that failovers of the protected ones of these machines will work."""
    protected = [each for each in machines if each.state is State.PROTECTED]
    codes = Counter(code for row in rows if row.state is State.PROTECTED for code in row.findings)
    good = [each.proven_as.at for each in protected if each.proven_as is not None]
    goals = [(each, goal) for each in protected if (goal := _goal(each, policies))]
    took = [(each.recovered.seconds, goal) for each, goal in goals if each.recovered is not None]
    met = sum(seconds <= goal for seconds, goal in took)
    return Readiness(
        protected=len(protected),
        never_drilled=sum(each.drilled_at is None for each in protected),
        drilled_long_ago=codes[OLD],
        drill_failed=codes[FAILED],
        drifted=codes[DRIFTED],
        last_good_drill_at=max(good, default=None),
        oldest_good_drill_at=min(good, default=None),
        rto_goals=len(goals),
        rto_met=met,
        rto_missed=len(took) - met,
        rto_unknown=len(goals) - len(took),
    )


def _goal(machine: MachineRecord, policies: Mapping[str, ReplicationPolicy]) -> int:
    policy = policies.get(machine.policy)
    return policy.rto_goal_seconds if policy is not None else 0


def jobs(rows: Iterable[JobRow]) -> JobsOverview:
    """What is under way, of jobs in progress, the newest first."""
    at_work = [each for each in rows if not each.state.ended]
    waiting = [each for each in at_work if each.waits_for_person or each.state is JobState.HELD]
    roots = [each for each in at_work if each.parent_id is None]
    return JobsOverview(
        at_work=len(at_work), newest=tuple(roots[:MOST_JOBS]), waiting=tuple(waiting[:MOST_JOBS])
    )


def nodes(
    sites: Iterable[str], appliances: Sequence[ApplianceRecord], rows: Iterable[MachineRow]
) -> tuple[SiteNode, ...]:
    """The sites of a drawing."""
    active = Counter(row.active_site for row in rows)
    enrolled = Counter(each.site for each in appliances)
    connected = Counter(each.site for each in appliances if each.connected)
    return tuple(
        SiteNode(name=each, appliances=enrolled[each], connected=connected[each], active=active[each])
        for each in sites
    )


def edges(rows: Iterable[MachineRow], now: datetime) -> tuple[SiteEdge, ...]:
    """What is replicated from which site to which."""
    ways: defaultdict[Way, list[MachineRow]] = defaultdict(list)
    for row in rows:
        ways[row.source_site, row.target_site].append(row)
    return tuple(_edge(way, ways[way], now) for way in sorted(ways))


def _edge(way: Way, rows: Sequence[MachineRow], now: datetime) -> SiteEdge:
    oldest = min(
        (row.recoverable_at for row in rows if row.recoverable_at is not None and row.state in REPLICATES),
        default=None,
    )
    healths: Counter[Health] = Counter(row.health for row in rows)
    return SiteEdge(
        source_site=way[0],
        target_site=way[1],
        machines=len(rows),
        stored_bytes=sum(row.stored_bytes for row in rows),
        by_health=dict(sorted(healths.items())),
        worst_rpo_seconds=None if oldest is None else max(0.0, round(now.timestamp() - oldest, 1)),
    )
