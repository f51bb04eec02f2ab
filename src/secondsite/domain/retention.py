"""Which recovery points may be deleted, on the default grid.

All points of the last two hours stay, if they are not more than MOST_CLOSE: of older ones one per five
minutes; then one an hour up to a day; one per two hours up to seven days; one per four hours up to fifteen;
one a day up to sixty; one a week beyond. Age is counted from the newest point, not from the clock: when no
new points arrive, none expire. It is measured only by the uptime of the target's host, so that neither
setting a clock nor anything a source reports makes a point old. The slots of the grid follow the source's
clock, which the machines of a group share, as long as that clock agrees with the uptime; where it was set, or
the target's host was restarted, another slot begins.

The newest point is never deleted, nor the newest that is not damaged, nor the newest that proved that its
machine runs, of these and of all, nor one that is held, leased or committed. Of a slot the point that arrived
first stays: what comes later, whatever it says of itself, takes no place. Points of sets have slots of their
own, so that the machines of a group keep the same sets; one of a set stands also for others that arrive after
it. A damaged point stays only in a slot that has no other.
"""

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter

from ..ground.units import DAY, HOUR, MINUTE
from ..ground.uptime import Uptime
from .points import Aged, AnyPoint, arrival, newest

GRID: tuple[tuple[int, int], ...] = (
    (2 * HOUR, 0),
    (DAY, HOUR),
    (7 * DAY, 2 * HOUR),
    (15 * DAY, 4 * HOUR),
    (60 * DAY, DAY),
    (366 * DAY, 7 * DAY),
)
MOST_CLOSE = 160
"""The most points that are kept of the last two hours. Each point is a layer of a chain, and the cost of
starting a machine on N layers grows with the third power: a second of QEMU's processor time for 160, 16 for
400 (ADR 139). A group's points of every minute and its machines' of every five are 144."""
CLOSE_STEP = 5 * MINUTE
Slot = tuple[int, bool, int, str, int]
EVERY_POINT: Slot = (0, False, 0, "", 0)


def to_drop(
    points: Sequence[AnyPoint], retention_seconds: int, protected_ids: Collection[str] = ()
) -> list[AnyPoint]:
    """The points that the grid and `retention_seconds` no longer keep, oldest first."""
    last = newest(points)
    if last is None:
        return []
    found = ages(points)
    usable = newest(point for point in points if not point.damaged)
    proven = newest(point for point in points if point.proof is not None and not point.damaged)
    # a doubt about a layer below makes a point as good as damaged until it is read, and it may be found whole
    doubted = newest(point for point in points if point.proof is not None)
    always = [point for point in (last, usable, proven, doubted) if point is not None]
    slots = _slots(points, found, retention_seconds)
    kept: set[Slot] = set()
    dropped = []
    for point in sorted(points, key=attrgetter("damaged", "epoch", "seq")):
        if any(point is each for each in always) or point.id in protected_ids or point.committed:
            continue
        slot = slots[point.id]
        if slot is None or (slot != EVERY_POINT and {slot, _of_a_set(slot)} & kept):
            dropped.append(point)
        else:
            kept.add(slot)
    return sorted(dropped, key=arrival)


def ages(points: Sequence[Aged], until: Uptime | None = None) -> dict[str, float]:
    """Seconds before the newest point, by point id; or before `until`, an uptime later than the newest
    point's."""
    found: dict[str, float] = {}
    age, later = 0.0, None
    for point in sorted(points, key=arrival, reverse=True):
        if later is not None:
            age += _between(point, later)
        elif until is not None and point.uptime is not None:
            age = until.since(point.uptime)
        found[point.id], later = age, point
    return found


def _between(point: Aged, later: Aged) -> float:
    """Seconds from a point to the next; in doubt too few rather than too many."""
    if later.uptime is not None:
        return later.uptime.since(point.uptime) if point.uptime is not None else 0.0
    # sealed by a release that recorded clocks only: the smaller difference counts
    told = [later.taken_at - point.taken_at]
    if later.sealed_at is not None and point.sealed_at is not None:
        told.append(later.sealed_at - point.sealed_at)
    return max(0.0, min(told).total_seconds())


def _slots(
    points: Sequence[AnyPoint], ages: Mapping[str, float], retention_seconds: int
) -> dict[str, Slot | None]:
    """The grid's slot of each point, by its id; None for one that is older than the retention."""
    close = {point.id for point in sorted(points, key=arrival)[-MOST_CLOSE:]}
    found: dict[str, Slot | None] = {}
    for point in points:
        every = _every(ages[point.id], retention_seconds)
        if every == 0 and point.id in close:
            found[point.id] = EVERY_POINT
        elif every is None:
            found[point.id] = None
        else:
            every = every or CLOSE_STEP
            found[point.id] = (every, point.set_id is not None, *_place(point, every))
    return found


def _every(age_seconds: float, retention_seconds: int) -> int | None:
    if age_seconds > retention_seconds:
        return None
    return next((every for until, every in GRID if age_seconds <= until), None)


def _of_a_set(slot: Slot) -> Slot:
    every, _, number, boot, lead_hours = slot
    return every, True, number, boot, lead_hours


def _place(point: Aged, every: int) -> tuple[int, str, int]:
    number = int(point.taken_at.timestamp()) // every
    if point.uptime is None:
        return number, "", 0
    return number, point.uptime.boot, point.uptime.lead_hours(point.taken_at)
