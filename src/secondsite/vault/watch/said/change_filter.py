"""Which part of a status is worth a write and a signal at once; the rest may wait for some seconds."""

from collections.abc import Hashable, Iterable

from ....wire.common.findings import FindingShape
from ....wire.control.statuses import ReplicaStatus, SourceStatus


def of(status: SourceStatus | ReplicaStatus) -> Hashable:
    """Equal for two statuses that differ in figures only (bytes, seconds, the latest instants)."""
    if isinstance(status, SourceStatus):
        state = (status.epoch, status.power, status.running, status.fenced, status.sync_mode)
        return (*state, _codes(status.findings))
    points = tuple((point.id, point.committed, point.held, point.damaged) for point in status.points)
    named = (points, status.runs, status.encryption_key_id)
    return (status.epoch, status.accepting, status.synchronized, *named, _codes(status.findings))


def _codes(findings: Iterable[FindingShape]) -> Hashable:
    return frozenset(finding.code for finding in findings)
