"""The journal: which instants between recovery points can be recovered, and from what.

A kept cycle names the cycle that it was applied on. A series of kept cycles that begins at a recovery point
is unbroken exactly when each names the one before it. Then every cycle of it is an instant that can be
recovered: from the newest point before it and the cycles between. Anything written in another way (a pass
over whole disks, a cycle that came only in part) breaks the series; the next recovery point begins another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from . import errors
from .points import RecoveryPoint


@dataclass(frozen=True, slots=True)
class JournaledCycle:
    """A processed cycle that is kept; `after` is the processed cycle on which it was applied."""

    seq: int
    after: int
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Instant:
    """The instant of a processed cycle: a recovery point, or one that applying `cycle` to a point reaches, or
    both."""

    seq: int
    taken_at: datetime
    point: RecoveryPoint | None = None
    cycle: JournaledCycle | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A series of instants without a gap, in the order in which they were processed; the first is a recovery
    point."""

    instants: tuple[Instant, ...]
    unchanged_until: datetime | None = None
    """Until when the machine's disks are known to have stayed as at the last instant (UTC); None if that is
    not known."""

    @property
    def begins_at(self) -> datetime:
        return min(instant.taken_at for instant in self.instants)

    @property
    def ends_at(self) -> datetime:
        last = max(instant.taken_at for instant in self.instants)
        return last if self.unchanged_until is None else max(last, self.unchanged_until)

    @property
    def cycles(self) -> int:
        """How many of its instants need the journal to be recovered."""
        return sum(instant.point is None for instant in self.instants)

    @property
    def is_long(self) -> bool:
        """Whether it has instants beside its recovery points."""
        return self.cycles > 0 or self.unchanged_until is not None


@dataclass(frozen=True, slots=True)
class Recovery:
    """How an instant is recovered: an overlay on `point`, and `cycles` applied to it."""

    taken_at: datetime
    point: RecoveryPoint
    cycles: tuple[JournaledCycle, ...] = ()


def stretches(points: Iterable[RecoveryPoint], cycles: Iterable[JournaledCycle]) -> tuple[Stretch, ...]:
    """Everything that can be recovered, oldest first. Points and cycles are of one epoch; damaged and
    committed points are not used to start from."""
    usable = {point.seq: point for point in points if not point.damaged and not point.committed}
    kept = {cycle.seq: cycle for cycle in cycles}
    runs: list[list[Instant]] = [[]]
    for seq in sorted({*usable, *kept}):
        point, cycle = usable.get(seq), kept.get(seq)
        continues = cycle is not None and bool(runs[-1]) and runs[-1][-1].seq == cycle.after
        if not continues:
            runs.append([])
        if cycle is not None and continues:
            runs[-1].append(Instant(seq, cycle.taken_at, point, cycle))
        elif point is not None:
            runs[-1].append(Instant(seq, point.taken_at, point))
    return tuple(Stretch(tuple(run)) for run in runs if run)


def going_on(known: Sequence[Stretch], seq: int, until: datetime) -> tuple[Stretch, ...]:
    """The same stretches; the machine's disks stayed as at cycle `seq` until `until` (UTC)."""
    return tuple(
        replace(each, unchanged_until=until) if each.instants[-1].seq == seq else each for each in known
    )


def find(known: Sequence[Stretch], wanted: datetime) -> Recovery:
    """How the newest processed cycle at or before `wanted` is recovered.

    Raises NotFound, saying what is possible: before the first instant, after the last and where a series is
    broken, it is not known what the machine's disks held.
    """
    for stretch in reversed(known):
        if stretch.begins_at <= wanted <= stretch.ends_at:
            at = max(n for n, instant in enumerate(stretch.instants) if instant.taken_at <= wanted)
            return _recovery(stretch.instants[: at + 1])
    raise errors.NotFound(
        f"No cycle of {spoken(wanted)} can be recovered: {possible(known)}.",
        do="Give a time within that range, or choose a recovery point: 'secondsite point list MACHINE'.",
    )


def spoken(at: datetime) -> str:
    """An instant as people read and give it: UTC, to the millisecond."""
    return f"{at.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def named(point_id: str, taken_at: datetime, cycle: str, after_seconds: float | None) -> str:
    """An instant between points as people read it: when, which cycle, how far from the point before it."""
    far = "" if after_seconds is None else f"{after_seconds:.1f} s "
    return f"{spoken(taken_at)}, cycle {cycle}, {far}after point {point_id}"


def possible(known: Sequence[Stretch]) -> str:
    """The instants that can be recovered, as a part of a sentence."""
    long = [stretch for stretch in known if stretch.is_long]
    if not long:
        return "the journal holds no cycles"
    ranges = (f"{spoken(_up(each.begins_at))} to {spoken(each.ends_at)}" for each in long)
    return f"possible is any cycle from {' and from '.join(ranges)}"


def _up(at: datetime) -> datetime:
    """Rounds up to milliseconds: a time that is shown as possible can then be given."""
    return at + timedelta(microseconds=999)


def _recovery(way: Sequence[Instant]) -> Recovery:
    base = max(n for n, instant in enumerate(way) if instant.point is not None)
    point = way[base].point
    assert point is not None
    cycles = tuple(instant.cycle for instant in way[base + 1 :] if instant.cycle is not None)
    return Recovery(way[-1].taken_at, point, cycles)
