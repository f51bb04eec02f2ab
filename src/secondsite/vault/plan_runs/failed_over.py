"""A plan that its last run has failed over, and that nobody has committed yet: may it commit by itself? What
the records tell of that; whether the checks hold is asked at the machines."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain import errors, lifecycle
from ...domain.access.roles import NEEDS, Grant
from ...domain.lifecycle import UNCOMMITTED, DrillState, Verb
from ...domain.plans.plan import PlanMachine, RecoveryPlan
from ...domain.plans.run_selection import RunRequest, listed
from ...jobs.model.views import JobView
from ...jobs.running.children import GOOD
from ...jobs.storage import read, search
from ...wire.common.machine_checks import REPEATABLE, MachineCheck
from ..store import ANY_BEFORE, HeldChecksRecord, MachineRecord, PlanRecord, TokenRecord, Transaction
from .one_run_at_a_time import subject_of
from .submit import PlanRunRequest, taken

MOVES = frozenset({Verb.FAILOVER.value, Verb.PLANNED_FAILOVER.value})


@dataclass(frozen=True, slots=True)
class FailedOverPlan:
    """The plan as it is now, and its last failover. `machines` are those of the plan that are protected;
    `checks` are by machine id those that can be repeated. `obstacle`: why the plan does not commit by itself,
    whatever its checks say; empty: nothing."""

    record: PlanRecord
    run: JobView
    machines: Sequence[MachineRecord]
    checks: Mapping[str, tuple[MachineCheck, ...]]
    obstacle: str

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def of(self) -> str:
        """Names the run, the edition of the plan, and each machine as it runs, with its checks: what held of
        others does not count."""
        told = [self.run.id, str(self.run.attempt), self.record.changed_at.isoformat()]
        for each in self.machines:
            told += [each.id, str(each.generation), str(each.failed_over_point_id)]
            told += [check.model_dump_json() for check in self.checks[each.id]]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def watched(tx: Transaction, now: datetime) -> Iterator[FailedOverPlan]:
    """The plans that may commit by themselves, as far as their settings say."""
    found = (may_commit(tx, record, now) for record in tx.plans.list())
    return (each for each in found if each is not None)


def may_commit(tx: Transaction, record: PlanRecord, now: datetime) -> FailedOverPlan | None:
    """The plan, if it is set to commit by itself, its last failover has ended, a machine of it waits for its
    commit, and that failover is not kept open; nor was it committed by itself before."""
    if not record.plan.commit_after_held_seconds:
        return None
    machines = tx.machines.several([each.id for each in record.plan.machines])
    if not any(each.state in UNCOMMITTED for each in machines):
        return None
    run = last_failover(tx, record)
    if run is None or not run.state.ended or _is_over(tx.held_checks.find(record.name), run):
        return None
    checks = {each.id: repeatable(tx, each.id) for each in machines}
    obstacle = next(_obstacles(tx, record, run, machines, checks, now), "")
    return FailedOverPlan(record, run, machines, checks, obstacle)


def _is_over(known: HeldChecksRecord | None, run: JobView) -> bool:
    if known is None or not known.is_over:
        return False
    before_restore = known.kept_open_at is not None and run.created_at <= known.kept_open_at
    return known.run_id == run.id or (known.run_id == ANY_BEFORE and before_restore)


def last_failover(tx: Transaction, record: PlanRecord) -> JobView | None:
    """The last run of this plan that failed it over; a plan that had the name before does not count."""
    found = failover_of(tx, record.name)
    return found if found is not None and found.created_at >= record.created_at else None


def failover_of(tx: Transaction, name: str) -> JobView | None:
    """The last run that failed over a plan of that name."""
    wanted = (search.JobQuery(subject=subject_of(name), verb=verb) for verb in MOVES)
    found = [run for each in wanted for run in search.find(tx.session, each, limit=1)]
    return max(found, key=lambda run: run.created_at, default=None)


def repeatable(tx: Transaction, machine_id: str) -> tuple[MachineCheck, ...]:
    """The machine's checks that say how it is now."""
    return tuple(each for each in tx.checks.find(machine_id) if each.kind in REPEATABLE)


def commit_request(plan: RecoveryPlan) -> PlanRunRequest:
    """The request for the run that commits all machines of the plan."""
    return PlanRunRequest(plan, RunRequest(Verb.COMMIT), {})


def _obstacles(
    tx: Transaction, record: PlanRecord, run: JobView, machines: Sequence[MachineRecord],
    checks: Mapping[str, Sequence[MachineCheck]], now: datetime,
) -> Iterator[str]:  # fmt: skip
    if run.state not in GOOD:  # a person cancelled it, or something is left to be done
        yield f"its last run ended as {run.state.replace('_', ' ')}"
    others = [*_others(tx, record.plan, run, machines)]
    if others:
        yield f"these were not failed over by the plan's last run: {listed(others, ', ')}"
    bare = [each.name for each in machines if not checks[each.id]]
    if bare:
        yield f"these have no check that can be repeated: {listed(bare, ', ')}"
    if tx.approvals.rules().guard((Verb.COMMIT.value,)):
        yield "a commit waits for a second person here"
    yield from _of_maker(tx, record.plan, machines, now)
    try:
        taken(tx, commit_request(record.plan))
    except errors.SecondsiteError as problem:
        yield problem.message.rstrip(".")


def _others(
    tx: Transaction, plan: RecoveryPlan, run: JobView, machines: Sequence[MachineRecord]
) -> Iterator[str]:
    """Names of machines of the plan that do not stand as the run has left them."""
    moved = {each.subject: each for each in read.children_of(tx.session, run.id) if each.name in MOVES}
    there = {each.id: each for each in machines}
    for each in plan.machines:
        machine = there.get(each.id)
        if machine is None or not _stands(machine, moved.get(each.id)):
            yield _called(each, machine)


def _stands(machine: MachineRecord, moved: JobView | None) -> bool:
    """Whether the machine runs where this job has moved it, and nothing else is done with it. Another
    recovery point is no other failover."""
    at = machine.failed_over_at
    if moved is None or moved.state not in GOOD or moved.ended_at is None or at is None:
        return False
    is_at_rest = machine.state in UNCOMMITTED and machine.drill_state is DrillState.NONE
    is_free = machine.job_id is None
    may = Verb.COMMIT in lifecycle.allowed_operations(machine.state, machine.drill_state)
    return is_at_rest and is_free and may and moved.created_at <= at <= moved.ended_at


def _called(member: PlanMachine, machine: MachineRecord | None) -> str:
    return member.name if machine is None else machine.name


def _of_maker(
    tx: Transaction, plan: RecoveryPlan, machines: Sequence[MachineRecord], now: datetime
) -> Iterator[str]:
    """Whoever set it has to be somebody who could commit all of it now."""
    if plan.commit_set_by is None:
        return
    maker = tx.holders.with_id(plan.commit_set_by)
    if maker is None or (isinstance(maker, TokenRecord) and maker.expires_at and maker.expires_at <= now):
        yield "whoever set that it commits by itself was deleted, or has expired"
        return
    grant = Grant(maker.roles, maker.site)
    if not grant.may(NEEDS[Verb.COMMIT]) or not all(
        grant.sees(each.source_site, each.target_site) for each in machines
    ):
        yield "whoever set that it commits by itself may not commit all its machines any more"
