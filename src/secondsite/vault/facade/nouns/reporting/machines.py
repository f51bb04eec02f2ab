"""Machines and plans against their goals, and open findings."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from .....domain import rpo_samples
from .....domain.health import HealthFinding, Severity
from .....domain.lifecycle import Verb
from .....domain.policies import ReplicationPolicy
from .....domain.prediction.predicting import LIKE
from .....domain.rpo_samples import Kept
from .....wire.rest.access.reports import ReportFinding, ReportMachine, ReportPlan
from .....wire.rest.plans import Plan
from ....health import findings, machine_rpo
from ....health.findings import Situation
from ....store import MachineRecord, Transaction
from ....watch.situations import SituationContext
from ...parts import Parts
from ...shared import prerendered_machines

Found = Sequence[tuple[Situation, tuple[HealthFinding, ...]]]
"""Machines with their findings."""
SAMPLED = timedelta(hours=1)
"""Of each hour of the week one block of ten minutes is looked at: of 1,000 machines a week has a million."""
NO_SAMPLES = Kept()
_RUNS = frozenset(map(str, LIKE))


def found(parts: Parts, tx: Transaction, now: datetime) -> Found:
    """All machines that the caller sees, by name."""
    around = SituationContext.of(tx, parts.facts, parts.authority, parts.deps.drill_counts)
    records = sorted(tx.machines.list(parts.caller.grant.site), key=lambda each: (each.name, each.id))
    situations = around.situations(tx, parts.facts, records)
    return [(each, prerendered_machines.findings_of(each, now)) for each in situations]


def rows(tx: Transaction, of: Found, since: datetime, now: datetime) -> Iterator[ReportMachine]:
    samples = _samples(tx, of, since, now)
    for situation, own in of:
        yield _row(situation, own, samples.get(situation.machine.id, NO_SAMPLES), now)


def _row(of: Situation, own: tuple[HealthFinding, ...], samples: Kept, now: datetime) -> ReportMachine:
    machine, policy = of.machine, of.policy
    took, drift, proven = machine.recovered, machine.drift, machine.proven_as
    return ReportMachine(
        id=machine.id,
        machine=machine.name,
        source_site=machine.source_site,
        target_site=machine.target_site,
        policy=machine.policy,
        state=machine.state,
        health=findings.overall(machine, own),
        rpo_seconds=_rpo(of, now),
        rpo_goal_seconds=policy.rpo_threshold_seconds if policy else None,
        rpo_within=round(samples.within / samples.samples, 4) if samples.samples else None,
        rpo_worst_seconds=samples.worst if samples.samples else None,
        rto_seconds=took.seconds if took else None,
        rto_goal_seconds=_rto_goal(policy),
        rto_verb=took.verb if took else None,
        rto_at=took.at if took else None,
        drilled_at=machine.drilled_at,
        drill_failed=machine.drill_failed_at is not None,
        proven_at=proven.at if proven else None,
        drifted_since=drift.since if drift else None,
        changes=drift.changes if drift else (),
    )


def _rpo(of: Situation, now: datetime) -> float | None:
    """The RPO of a machine that replicates; of others it means nothing."""
    replicates = of.machine.state in findings.REPLICATES
    return machine_rpo.measure(of.status, now).rpo_seconds if replicates else None


def _rto_goal(policy: ReplicationPolicy | None) -> int | None:
    return policy.rto_goal_seconds or None if policy else None


def _samples(tx: Transaction, of: Found, since: datetime, now: datetime) -> Mapping[str, Kept]:
    """What the samples of the week say of each machine's threshold."""
    goals = {each.machine.id: each.policy.rpo_threshold_seconds for each, _ in of if each.policy is not None}
    kept: dict[str, Kept] = {}
    for machine_id, block in tx.rpo.packed([*_hours(since, now)]) if goals else ():
        if machine_id in goals:
            one = rpo_samples.kept(block, goals[machine_id])
            kept[machine_id] = kept.get(machine_id, NO_SAMPLES) + one
    return kept


def _hours(since: datetime, now: datetime) -> Iterator[datetime]:
    at = since.replace(minute=0, second=0, microsecond=0)
    while at < now:
        yield at
        at += SAMPLED


def open_findings(of: Found, now: datetime) -> list[ReportFinding]:
    """Critical ones first, then those that are open longest."""
    told = [_finding(each.machine, finding, now) for each, own in of for finding in own]
    return sorted(told, key=lambda each: (each.severity is not Severity.CRITICAL, each.since, each.machine))


def _finding(machine: MachineRecord, of: HealthFinding, now: datetime) -> ReportFinding:
    return ReportFinding(
        machine=machine.name,
        code=of.code,
        severity=of.kind.severity,
        what=of.told,
        since=of.since,
        open_seconds=max(0.0, round((now - of.since).total_seconds())),
    )


def plans(tx: Transaction, of: Iterable[Plan]) -> Iterator[ReportPlan]:
    """The plans with the last run of each, as its evidence tells."""
    for plan in of:
        told = ReportPlan(
            plan=plan.name,
            machines=sum(len(group.machines) for group in plan.groups),
            rto_goal_seconds=plan.rto_goal_seconds or None,
        )
        yield told.model_copy(update=_last_run(tx, plan))


def _last_run(tx: Transaction, plan: Plan) -> Mapping[str, object]:
    """What the newest evidence says of a run of the plan; nothing of one from before the plan was made."""
    last = tx.evidence.last_of(f"plan {plan.name}", _RUNS)
    if last is None or last.ended_at < plan.created_at:
        return {}
    told = json.loads(last.document).get("plan") or {}
    return {"run_at": last.ended_at, "run_verb": Verb(last.verb), "rto_seconds": told.get("rto_seconds")}
