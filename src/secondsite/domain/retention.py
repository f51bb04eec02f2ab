"""Which recovery points may go, on the default grid.

All points of the last two hours stay; then one an hour up to a day; one per two hours up to seven days; one per
four hours beyond. Age is counted from the newest point, not from the clock: when no new points arrive, none expire.
From each point to the next the source's clock and the target's tell the time, and the one that says less counts: one
clock that is set, by whatever and however often, makes no young point old.
The newest point never goes, nor the newest that is not damaged, nor one that is held, leased or committed. Of a slot the earliest point of a set stays,
else the earliest: so the machines of a group keep the same sets.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from .points import RecoveryPoint, newest
from .units import DAY, HOUR

GRID: tuple[tuple[int, int], ...] = ((2 * HOUR, 0), (DAY, HOUR), (7 * DAY, 2 * HOUR), (366 * DAY, 4 * HOUR))


def to_drop(
    points: Sequence[RecoveryPoint], retention_seconds: int, protected_ids: Collection[str] = ()
) -> list[RecoveryPoint]:
    """The points that the grid and `retention_seconds` no longer keep, oldest first."""
    last = newest(points)
    if last is None:
        return []
    ages = _ages(points)
    usable = newest(point for point in points if not point.damaged)
    kept: set[tuple[int, int]] = set()
    dropped = []
    for point in sorted(points, key=lambda p: (p.set_id is None, p.epoch, p.seq)):
        if point is last or point is usable or point.id in protected_ids or point.committed:
            continue
        slot = _slot(ages[point.id], point.taken_at, retention_seconds)
        if slot is None or (slot[1] and slot in kept):
            dropped.append(point)
        else:
            kept.add(slot)
    return sorted(dropped, key=lambda p: (p.epoch, p.seq))


def _ages(points: Sequence[RecoveryPoint]) -> dict[str, float]:
    """Seconds before the newest point, by point id: the sum of the times from each point to the next."""
    ages, age, later = {}, 0.0, None
    for point in sorted(points, key=lambda p: (p.epoch, p.seq), reverse=True):
        age += _between(point, later) if later is not None else 0.0
        ages[point.id], later = age, point
    return ages


def _between(point: RecoveryPoint, later: RecoveryPoint) -> float:
    """Seconds by the clock that says less; 0 if one of them was set back."""
    found = [later.taken_at - point.taken_at]
    if later.sealed_at is not None and point.sealed_at is not None:
        found.append(later.sealed_at - point.sealed_at)
    return max(0.0, min(found).total_seconds())


def _slot(age_seconds: float, taken_at: datetime, retention_seconds: int) -> tuple[int, int] | None:
    """The grid's slot of a point (0 = keeps every point), or None when it is older than the retention."""
    if age_seconds > retention_seconds:
        return None
    for until, every in GRID:
        if age_seconds <= until:
            return (every, int(taken_at.timestamp()) // every if every else 0)
    return None
