"""The situations of many machines: what they refer to is read once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...domain.lifecycle import HALF_WAY, State
from ...domain.plans import held_checks
from ...domain.policies import ReplicationPolicy
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ..fleet.status_intake import StatusIntake
from ..health.findings import CommitsItself, Situation, rests_off
from ..interfaces import Authority
from ..steps.reversal import automatic_reprotect, automatic_settle
from ..store import ApplianceRecord, MachineRecord, StatusRecord, Transaction

_LEFT_BY_JOBS = HALF_WAY | {State.COMMITTED}
FOLLOWS = (automatic_reprotect.failed, automatic_settle.failed)
"""What should have come after a commit by itself."""


@dataclass(frozen=True, slots=True)
class SituationContext:
    """The records that machines refer to."""

    policies: Mapping[str, ReplicationPolicy]
    appliances: Mapping[str, ApplianceRecord]
    certificate_lifetime: timedelta
    ca_ends_at: datetime
    listens_since: datetime
    drill_counts: timedelta
    replaceable: frozenset[str] = frozenset()
    """The appliances of which a connected one of their site reaches a store."""
    commits: Mapping[str, tuple[CommitsItself, ...]] = field(default_factory=dict)
    """By machine, the plans that commit by themselves soon."""

    @classmethod
    def of(
        cls, tx: Transaction, facts: StatusIntake, authority: Authority, drill_counts: timedelta
    ) -> "SituationContext":
        policies = {policy.name: policy for policy, _read_only in tx.policies.list()}
        appliances = {appliance.id: appliance for appliance in tx.appliances.list()}
        ends_at, lifetime = authority.ends_at, authority.appliance_lifetime
        found = frozenset(_replaceable(appliances.values()))
        commits = _committing_themselves(tx)
        return cls(policies, appliances, lifetime, ends_at, facts.listens_since, drill_counts, found, commits)

    def situations(
        self, tx: Transaction, facts: StatusIntake, found: Sequence[MachineRecord]
    ) -> Iterator[Situation]:
        statuses = facts.latest_of(tx, [machine.id for machine in found])
        stuck = last_jobs_that_failed(tx, found)
        seen = numbers_of_those_that_rest(tx, found, statuses)
        return (
            self._situation(machine, statuses[machine.id], stuck.get(machine.id), facts, seen)
            for machine in found
        )

    def _situation(
        self,
        machine: MachineRecord,
        status: StatusRecord,
        stuck: JobView | None,
        facts: StatusIntake,
        seen: Mapping[str, int],
    ) -> Situation:
        is_missed = status.source_at is None or status.replica_at is None
        return Situation(
            machine=machine,
            status=status,
            policy=self.policies.get(machine.policy),
            source=self.appliances.get(machine.source_appliance_id),
            target=self.appliances.get(machine.target_appliance_id),
            certificate_lifetime=self.certificate_lifetime,
            ca_ends_at=self.ca_ends_at,
            listens_since=self.listens_since,
            drill_counts=self.drill_counts,
            last_failed=stuck,
            has_other_host=machine.target_appliance_id in self.replaceable,
            seen_generation=seen.get(machine.id, 0),
            commits=self.commits.get(machine.id, ()),
            missed_since=facts.missed_since(machine.id) if is_missed else None,
        )


def _committing_themselves(tx: Transaction) -> Mapping[str, tuple[CommitsItself, ...]]:
    found: dict[str, tuple[CommitsItself, ...]] = {}
    for each in tx.held_checks.list():
        held, record = each.held, tx.plans.find(each.plan)
        if each.is_over or held is None or held.since is None or record is None:
            continue
        wanted = record.plan.commit_after_held_seconds
        at = held_checks.not_before(held, wanted)
        if wanted and at is not None:
            commits = CommitsItself(each.plan, held.since, at)
            for machine in record.plan.machines:
                found[machine.id] = (*found.get(machine.id, ()), commits)
    return found


def _replaceable(known: Collection[ApplianceRecord]) -> Iterator[str]:
    ready = [each for each in known if each.connected and each.capacity]
    for one in known if ready else ():
        tokens = [each.token for each in one.capacity.signs] if one.capacity is not None else []
        others = (each.capacity for each in ready if each.site == one.site and each.id != one.id)
        if any(each is not None and each.reaches(tokens) for each in others):
            yield one.id


def numbers_of_those_that_rest(
    tx: Transaction, found: Sequence[MachineRecord], statuses: Mapping[str, StatusRecord]
) -> Mapping[str, int]:
    """By machine that is off and not replicated, though the vault knows of no failover: the highest number
    of an order that was seen."""
    resting = [each.id for each in found if rests_off(each, statuses[each.id])]
    return tx.statuses.generations(resting) if resting else {}


def last_jobs_that_failed(tx: Transaction, found: Sequence[MachineRecord]) -> Mapping[str, JobView]:
    """By machine that nothing has touched since: the job that left it half-way, or the one that should have
    done by itself what comes after a commit, and failed."""
    of = {each.claimed_by: each for each in found if each.claimed_by and _may_be_left(each)}
    ended = read.ended_among(tx.session, list(of), children=True) if of else ()
    return {
        of[job.id].id: job
        for job in ended
        if of[job.id].state in HALF_WAY or any(failed(job) for failed in FOLLOWS)
    }


def _may_be_left(machine: MachineRecord) -> bool:
    """A machine that is protected away from home may have disks that should have left the store."""
    return machine.state in _LEFT_BY_JOBS or (machine.is_away and machine.state is State.PROTECTED)
