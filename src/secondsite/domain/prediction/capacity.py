"""What it takes to protect machines: bandwidth, time of the first copy, and space. Pure.

What a machine writes is measured where its recovery points tell it: the bytes that each added, by the time of
day. A machine without such points is taken to write a part of its data each day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from ...ground.units import DAY, HOUR, MINUTE, GiB
from ..policies import ReplicationPolicy
from ..retention import CLOSE_STEP, GRID, MOST_CLOSE

SLOT_SECONDS = 5 * MINUTE
SLOTS = DAY // SLOT_SECONDS
LEAST_SECONDS = HOUR
"""With points of less time than this, what a machine writes counts as not measured."""
DAILY_CHANGE_PERCENT = 10.0
"""The rule of thumb for machines of which nothing is known. Most write less: file servers 1 to 3 percent a
day, databases 3 to 20."""
USED_PERCENT = 100.0
BUSIEST_FACTOR = 3.0
"""As if all of a day's changes were written in eight hours."""
SCRATCH_BYTES = 4 * GiB
"""An appliance's scratch budget for a machine, as installed."""
JOURNAL_BYTES = 2 * GiB
"""The most of a machine's journal, as installed."""
INBOX_BYTES = 16 * GiB
"""The most that waits in an appliance's store to be processed, as installed."""


class Basis(StrEnum):
    """How it is known what a machine writes. measured: by its recovery points; assumed: a part of its data
    each day."""

    MEASURED = "measured"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What counts for machines of which nothing is measured: how much of its data each writes in a day, how
    much of its disks is in use, and how many times the mean it writes when it writes most."""

    daily_change_percent: float = DAILY_CHANGE_PERCENT
    used_percent: float = USED_PERCENT
    busiest_factor: float = BUSIEST_FACTOR


@dataclass(frozen=True, slots=True)
class Churn:
    """What a machine wrote: bytes in each five minutes of a day (UTC), in so many seconds before its newest
    point; five minutes that no point tells of have the mean."""

    slots: tuple[float, ...]
    seconds: float

    @property
    def bytes_a_day(self) -> float:
        return sum(self.slots)

    @property
    def busiest(self) -> float:
        """Bytes per second in the busiest five minutes."""
        return max(self.slots) / SLOT_SECONDS


@dataclass(frozen=True, slots=True)
class Load:
    """A machine. `stored_bytes`: what its oldest point takes in the store, None if there is no replica."""

    name: str
    disk_bytes: int
    memory_bytes: int
    vcpus: int
    stored_bytes: int | None = None
    churn: Churn | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What one machine needs, in bytes and bytes per second. `base_bytes` is a copy of its data."""

    load: Load
    basis: Basis
    base_bytes: float
    mean_rate: float
    busiest_rate: float
    history_bytes: float
    journal_bytes: float

    @property
    def store_bytes(self) -> float:
        return self.base_bytes + self.history_bytes + self.journal_bytes


@dataclass(frozen=True, slots=True)
class Needs:
    """What machines need together. `goal_rate` is the least rate at which no change comes later than the
    policy's RPO threshold allows, also at the busiest time."""

    machines: tuple[Need, ...]
    mean_rate: float
    goal_rate: float
    first_copy_bytes: float
    store_bytes: float
    scratch_bytes: int
    memory_bytes: int
    vcpus: int

    def first_copy_seconds(self, rate: float) -> float | None:
        """How long the first copies take at `rate` bytes per second, while the machines go on writing; None:
        they never end, because more is written than is sent."""
        if not self.first_copy_bytes:
            return 0.0
        return self.first_copy_bytes / (rate - self.mean_rate) if rate > self.mean_rate else None


def churn(points: Sequence[tuple[datetime, int]]) -> Churn | None:
    """What the points tell of the last day before the newest: when each was taken, and the bytes that it
    added, in the order of their arrival. None if they tell too little."""
    found = [0.0] * SLOTS
    seconds, added = 0.0, 0
    if not points:
        return None
    newest = max(at for at, _ in points)
    begin = newest - timedelta(seconds=DAY)
    last = points[0][0]
    for at, size in points[1:]:
        added += size
        if at <= last:
            continue  # the source's clock was set back: its bytes count with the next point
        told = _spread(found, max(last, begin), at, added * _share(last, at, begin))
        seconds, added, last = seconds + told, 0, at
    return Churn(_filled(found, seconds), seconds) if seconds >= LEAST_SECONDS else None


def _share(since: datetime, until: datetime, begin: datetime) -> float:
    """The part of the time between two points that lies after `begin`."""
    return max(0.0, (until - max(since, begin)) / (until - since))


def _spread(slots: list[float], since: datetime, until: datetime, size: float) -> float:
    """Add the bytes evenly to the slots between the two instants; gives the seconds between them."""
    whole = (until - since).total_seconds()
    if whole <= 0:
        return 0.0
    at = since.timestamp() % DAY
    end = at + whole
    while at < end:
        slot = int(at // SLOT_SECONDS)
        until_slot_ends = min(end, (slot + 1) * float(SLOT_SECONDS))
        slots[slot % SLOTS] += size * (until_slot_ends - at) / whole
        at = until_slot_ends
    return whole


def _filled(slots: list[float], seconds: float) -> tuple[float, ...]:
    """All five minutes of a day: those that are not told of have what is missing of a whole day, evenly."""
    missing = max(0.0, DAY - seconds)
    if not missing or not seconds:
        return tuple(slots)
    more = sum(slots) / seconds * missing / SLOTS
    return tuple(each + more for each in slots)


def needs(loads: Sequence[Load], policy: ReplicationPolicy, assumed: Assumptions) -> Needs:
    """What these machines need under the policy."""
    found = tuple(need(each, policy, assumed) for each in loads)
    copied = [each.base_bytes for each in found if each.load.stored_bytes is None]
    guessed = sum(each.busiest_rate for each in found if each.basis is Basis.ASSUMED)
    return Needs(
        machines=found,
        mean_rate=sum(each.mean_rate for each in found),
        goal_rate=guessed + _goal_rate(_together(loads), late_seconds(policy)),
        first_copy_bytes=sum(copied),
        store_bytes=sum(each.store_bytes for each in found) + (INBOX_BYTES if found else 0),
        scratch_bytes=SCRATCH_BYTES * len(found),
        memory_bytes=sum(each.memory_bytes for each in loads),
        vcpus=sum(each.vcpus for each in loads),
    )


def need(load: Load, policy: ReplicationPolicy, assumed: Assumptions) -> Need:
    """What one machine needs under the policy."""
    used = load.disk_bytes * assumed.used_percent / 100
    base = float(used if load.stored_bytes is None else load.stored_bytes)
    if load.churn is None:
        basis, daily = Basis.ASSUMED, base * assumed.daily_change_percent / 100
        busiest = daily / DAY * assumed.busiest_factor
    else:
        basis, daily, busiest = Basis.MEASURED, load.churn.bytes_a_day, load.churn.busiest
    rate = daily / DAY
    return Need(
        load=load,
        basis=basis,
        base_bytes=base,
        mean_rate=rate,
        busiest_rate=busiest,
        history_bytes=min(
            rate * policy.retention_seconds,
            float(most_points(policy.retention_seconds)) * max(load.disk_bytes, base),
        ),
        journal_bytes=min(float(JOURNAL_BYTES), rate * policy.journal_seconds),
    )


def late_seconds(policy: ReplicationPolicy) -> float:
    """How late a change may come, in seconds: a point is as old as the pause between points before the next
    one is there."""
    return max(0.0, float(policy.rpo_threshold_seconds - policy.crash_consistent_every_seconds))


def most_points(retention_seconds: int) -> int:
    """The most points that the retention grid keeps of one machine."""
    found, begin = 1, 0
    for until, every in GRID:
        there = max(0, min(until, retention_seconds) - begin)
        found += MOST_CLOSE if not every and there else there // (every or CLOSE_STEP)
        begin = until
    return found


def _together(loads: Sequence[Load]) -> list[float]:
    """The bytes of all machines that are measured, by the five minutes of a day."""
    measured = [each.churn.slots for each in loads if each.churn is not None]
    return [sum(slot) for slot in zip(*measured, strict=True)] or [0.0] * SLOTS


def _goal_rate(slots: Sequence[float], late: float) -> float:
    """The least rate at which what is written comes at most `late` seconds later. What is written within any
    time has to be sent within that time and `late` more; a day follows the other."""
    sums = [0.0, *accumulate([*slots, *slots])]
    found = 0.0
    for length in range(1, SLOTS + 1):
        most = max(sums[begin + length] - sums[begin] for begin in range(SLOTS))
        found = max(found, most / (length * SLOT_SECONDS + late))
    return max(found, sum(slots) / DAY)
