"""Whose point is booted next. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

AGAIN_AFTER = timedelta(minutes=15)
"""A copy that could not be looked at, or gave way, is tried again."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VerificationCandidate:
    """A machine. `looked_at`: when a machine that was started from one of its points was last looked at, by whom ever; `tried_at`: when
    a copy could not be looked at since."""

    machine_id: str
    looked_at: datetime | None = None
    tried_at: datetime | None = None


def due(turns: Iterable[VerificationCandidate], every_days: int, now: datetime) -> list[str]:
    """Ids, the one first that was looked at longest ago. A clock that was ahead holds nobody up."""
    found = [
        each
        for each in turns
        if _is_over(each.looked_at, timedelta(days=every_days), now)
        and _is_over(each.tried_at, AGAIN_AFTER, now)
    ]
    return [
        each.machine_id for each in sorted(found, key=lambda each: (each.looked_at or NEVER, each.machine_id))
    ]


def _is_over(since: datetime | None, lasts: timedelta, now: datetime) -> bool:
    return since is None or not since <= now < since + lasts
