"""Clocks that differ: the time that an appliance reports with every status is compared with the vault's.

The RPO and the times of points are off by the difference. No point can be lost by it: points are ordered by
number, and they age by the uptime of the target's host (`domain.retention`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from ....domain.health import CLOCK_SKEW, UNKNOWN
from ....wire.common.findings import FindingShape
from ....wire.control.statuses import ReplicaStatus, SourceStatus

TOLERATED_SECONDS = 10.0
"""A status may be on its way for some seconds when a host is busy."""

S = TypeVar("S", bound=SourceStatus | ReplicaStatus)


@dataclass(frozen=True, slots=True)
class _Skew:
    ahead_seconds: float
    since: datetime


class Clocks:
    """The clock differences of all appliances."""

    def __init__(self) -> None:
        self._skews: dict[str, _Skew] = {}

    @property
    def any_differs(self) -> bool:
        """Whether the statuses of an appliance are marked now."""
        return bool(self._skews)

    def hear(self, appliance_id: str, said_at: datetime | None, now: datetime) -> bool:
        """Take the time that the appliance's clock shows, if reported. Gives whether the clock began, or
        ceased, to differ."""
        if said_at is None:
            return False
        known = self._skews.get(appliance_id)
        ahead = ahead_seconds(said_at, now)
        if ahead:
            self._skews[appliance_id] = _Skew(ahead, known.since if known else now)
        else:
            self._skews.pop(appliance_id, None)
        return bool(ahead) is not (known is not None)

    def marked(self, appliance_id: str, status: S) -> S:
        """The status, with a finding of the vault's own if the clock of its appliance differs."""
        said = tuple(_as_said(each) for each in status.findings)
        if (skew := self._skews.get(appliance_id)) is not None:
            what = _what(status, skew.ahead_seconds)
            said = (*said, FindingShape(code=CLOCK_SKEW, what=what, since=skew.since))
        return status if said == status.findings else cast(S, status.model_copy(update={"findings": said}))


def _as_said(finding: FindingShape) -> FindingShape:
    """Another code for an appliance's own finding about clocks, which only the vault may report."""
    return finding.model_copy(update={"code": UNKNOWN}) if finding.code == CLOCK_SKEW else finding


def ahead_seconds(said_at: datetime, now: datetime) -> float:
    """Seconds by which the appliance's clock is ahead of the vault's (negative: behind); 0 within the
    tolerance."""
    ahead = (said_at - now).total_seconds()
    return ahead if abs(ahead) > TOLERATED_SECONDS else 0.0


def _what(status: SourceStatus | ReplicaStatus, ahead: float) -> str:
    side = "source" if isinstance(status, SourceStatus) else "target"
    way = "ahead of" if ahead > 0 else "behind"
    return f"The clock of the {side}'s appliance is {abs(ahead):.0f} s {way} the vault's."
