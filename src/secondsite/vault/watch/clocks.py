"""Clocks that differ. Every status says what time it is at its appliance; here it is compared with the vault's. Pure.

What is told by clocks is then off by as much: the RPO, the times of points. Nothing is decided by them that could lose
one: points are ordered by their number, and they age by the uptime of the target's host (domain/retention).
"""

from collections.abc import Iterable
from datetime import datetime

from ...wire.common.findings import FindingShape
from ...wire.control.statuses import ReplicaStatus, SourceStatus

TOLERATED_SECONDS = 10.0
"""A status may be on its way for some seconds when a host is busy."""
CODE = "clock-skew"


def ahead_seconds(said_at: datetime | None, now: datetime) -> float:
    """How far the appliance's clock is before (positive) or behind the vault's; 0 within what is tolerated, and for an
    appliance of a release that does not say."""
    ahead = (said_at - now).total_seconds() if said_at else 0.0
    return ahead if abs(ahead) > TOLERATED_SECONDS else 0.0


def marked(
    status: SourceStatus | ReplicaStatus, ahead: float, known: Iterable[FindingShape], now: datetime
) -> SourceStatus | ReplicaStatus:
    """The status with a finding if the clocks differ; it holds since when it is `known`, else since now."""
    if not ahead:
        return status
    since = next((finding.since for finding in known if finding.code == CODE), now)
    finding = FindingShape(code=CODE, what=_what(status, ahead), since=since)
    return status.model_copy(update={"findings": (*status.findings, finding)})


def _what(status: SourceStatus | ReplicaStatus, ahead: float) -> str:
    side = "source" if isinstance(status, SourceStatus) else "target"
    way = "ahead of" if ahead > 0 else "behind"
    return f"The clock of the {side}'s appliance is {abs(ahead):.0f} s {way} the vault's."
