"""Which part of a status is worth a write and a signal at once; the rest may wait for some seconds."""

from collections.abc import Hashable, Iterable

from ...wire.common.findings import FindingShape
from ...wire.control.statuses import ReplicaStatus, SourceStatus


def of(status: SourceStatus | ReplicaStatus) -> Hashable:
    """Equal for two statuses that differ in figures only (bytes, seconds, the latest instants)."""
    if isinstance(status, SourceStatus):
        return (status.epoch, status.power, status.running, status.sync_mode, _codes(status.findings))
    points = tuple((point.id, point.committed, point.held, point.damaged) for point in status.points)
    return (status.epoch, status.accepting, status.synchronized, points, status.runs, _codes(status.findings))


def _codes(findings: Iterable[FindingShape]) -> Hashable:
    return frozenset(finding.code for finding in findings)
