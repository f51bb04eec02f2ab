"""Which part of a status is worth a write and a signal at once; the rest may wait for some seconds."""

from collections.abc import Hashable, Iterable

from ....wire.common.findings import FindingShape
from ....wire.control.statuses import ReplicaStatus, SourceStatus


def of(status: SourceStatus | ReplicaStatus) -> Hashable:
    """Equal for two statuses that differ only in figures (bytes, seconds, the latest instants) and points."""
    if isinstance(status, SourceStatus):
        state = (status.epoch, status.power, status.running, status.fenced, status.sync_mode)
        return (*state, status.hardware, _codes(status.findings))
    named = (status.runs, status.encryption_key_id)
    return (status.epoch, status.accepting, status.synchronized, *named, _codes(status.findings))


def points(status: ReplicaStatus) -> Hashable:
    """Equal for two statuses whose points are the same."""
    return tuple(
        (point.id, point.committed, point.held, point.damaged, point.proof) for point in status.points
    )


def _codes(findings: Iterable[FindingShape]) -> Hashable:
    return frozenset(finding.code for finding in findings)
