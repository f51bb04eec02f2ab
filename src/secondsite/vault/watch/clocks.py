"""Clocks that differ: the time that an appliance reports with every status is compared with the vault's. Pure.

The RPO and the times of points are off by the difference. No point can be lost by it: points are ordered by number,
and they age by the uptime of the target's host (domain/retention).
"""

from collections.abc import Iterable
from datetime import datetime

from ...wire.common.findings import FindingShape
from ...wire.control.statuses import ReplicaStatus, SourceStatus

TOLERATED_SECONDS = 10.0
"""A status may be on its way for some seconds when a host is busy."""
CODE = "clock-skew"


def ahead_seconds(said_at: datetime | None, now: datetime) -> float:
    """Seconds by which the appliance's clock is ahead of the vault's (negative: behind); 0 within the tolerance, and for
    an appliance of a release that does not report its time."""
    ahead = (said_at - now).total_seconds() if said_at else 0.0
    return ahead if abs(ahead) > TOLERATED_SECONDS else 0.0


def marked(
    status: SourceStatus | ReplicaStatus, ahead: float, known: Iterable[FindingShape], now: datetime
) -> SourceStatus | ReplicaStatus:
    """The status, with a finding if the clocks differ: since the time in `known`, or since now if it is new."""
    if not ahead:
        return status
    since = next((finding.since for finding in known if finding.code == CODE), now)
    finding = FindingShape(code=CODE, what=_what(status, ahead), since=since)
    return status.model_copy(update={"findings": (*status.findings, finding)})


def _what(status: SourceStatus | ReplicaStatus, ahead: float) -> str:
    side = "source" if isinstance(status, SourceStatus) else "target"
    way = "ahead of" if ahead > 0 else "behind"
    return f"The clock of the {side}'s appliance is {abs(ahead):.0f} s {way} the vault's."
