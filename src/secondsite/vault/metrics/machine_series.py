"""The series of a machine."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...domain import health as catalogue
from ...domain import rpo_samples
from ...domain.health import Health, HealthFinding
from ...domain.lifecycle import State
from ...domain.points import Grade
from ...wire.control.statuses import ReplicaStatus, SourceStatus
from ..health import findings, machine_rpo
from ..health.findings import Situation
from ..health.identity_cache import IdentityCache
from ..store import MachineRecord
from . import families as of
from .exposition import Exposition, labelled

HEALTHS: Mapping[Health, int] = {
    Health.HEALTHY: 0,
    Health.NOT_APPLICABLE: 0,
    Health.WARNING: 1,
    Health.CRITICAL: 2,
}
Findings = tuple[HealthFinding, ...]
GRADES: Mapping[Grade, str] = {each: f',grade="{each}"' for each in Grade}
STATES: Mapping[State, str] = {each: f',state="{each}"' for each in State}


@dataclass(frozen=True, slots=True)
class _Points:
    """What the points of a replica say; a machine may have thousands, which rarely change."""

    by_grade: Mapping[Grade, int]
    damaged: int
    oldest: datetime | None
    verified: datetime | None
    proven: datetime | None


def tell(to: Exposition, situation: Situation, found: Findings, now: datetime) -> None:
    """Add all that is known of the machine; `found` are its findings at `now`."""
    machine, source, replica = situation.machine, situation.status.source, situation.status.replica
    labels = _labels(machine)
    _tell_state(to, labels, machine, found)
    _tell_rpo(to, labels, situation, now)
    if source is not None:
        _tell_source(to, labels, source)
    if replica is not None:
        _tell_replica(to, labels, replica)
    _tell_drills(to, labels, machine)


@IdentityCache
def _labels(machine: MachineRecord) -> str:
    return labelled(of.OF_MACHINE, (machine.name, machine.id, machine.source_site, machine.target_site))


def _tell_state(
    to: Exposition, labels: str, machine: MachineRecord, found: tuple[HealthFinding, ...]
) -> None:
    to.add(of.MACHINE_STATE, labels + STATES[machine.state], 1)
    to.add(of.MACHINE_HEALTH, labels, HEALTHS[findings.overall(machine, found)])
    for code in dict.fromkeys(each.code for each in found):
        severity = catalogue.CATALOGUE[code].severity
        to.add(of.MACHINE_FINDING, f'{labels},code="{code}",severity="{severity}"', 1)


def _tell_rpo(to: Exposition, labels: str, situation: Situation, now: datetime) -> None:
    usable, sent, processed = machine_rpo.instants(situation.status)
    to.add(of.MACHINE_RPO, labels, rpo_samples.age_seconds(usable, now))
    to.add(of.MACHINE_SENT, labels, rpo_samples.age_seconds(sent, now))
    to.add(of.MACHINE_PROCESSED, labels, rpo_samples.age_seconds(processed, now))
    if situation.policy is not None:
        to.add(of.MACHINE_RPO_GOAL, labels, situation.policy.rpo_threshold_seconds)
        to.add(of.MACHINE_RTO_GOAL, labels, situation.policy.rto_goal_seconds or None)


def _tell_source(to: Exposition, labels: str, source: SourceStatus) -> None:
    to.add(of.MACHINE_SYNCHRONIZED, labels, source.sync_fraction)
    to.add(of.MACHINE_CYCLE, labels, source.last_cycle_seconds)
    to.add(of.MACHINE_CHANGED, labels, source.last_cycle_changed_bytes)
    to.add(of.MACHINE_SENT_BYTES, labels, source.total_wire_bytes)


def _tell_replica(to: Exposition, labels: str, replica: ReplicaStatus) -> None:
    to.add(of.MACHINE_INBOX, labels, replica.inbox_bytes)
    to.add(of.MACHINE_STORE, labels, replica.store_bytes)
    to.add(of.MACHINE_JOURNAL, labels, replica.journal_bytes)
    points = _points(replica)
    for grade, count in points.by_grade.items():
        to.add(of.MACHINE_POINTS, labels + GRADES[grade], count)
    to.add(of.MACHINE_DAMAGED, labels, points.damaged)
    to.add(of.MACHINE_OLDEST, labels, points.oldest)
    to.add(of.MACHINE_VERIFIED, labels, points.verified)
    to.add(of.MACHINE_PROVEN, labels, points.proven)


@IdentityCache
def _points(replica: ReplicaStatus) -> _Points:
    whole = [each for each in replica.points if not each.damaged]
    return _Points(
        by_grade=Counter(each.grade for each in whole),
        damaged=len(replica.points) - len(whole),
        oldest=min((each.taken_at for each in whole), default=None),
        verified=max((each.verified_at for each in whole if each.verified_at), default=None),
        proven=max((each.proven_at for each in whole if each.proven_at), default=None),
    )


def _tell_drills(to: Exposition, labels: str, machine: MachineRecord) -> None:
    to.add(of.MACHINE_DRILLED, labels, machine.drilled_at)
    to.add(of.MACHINE_DRILL_FAILED, labels, int(machine.drill_failed_at is not None))
    to.add(of.MACHINE_RECOVERED, labels, machine.recovered.seconds if machine.recovered else None)
