"""The recovery point objective, measured: how much would be lost if the source failed now.

    rpo         now minus the instant of the newest usable point; the one definition
    sent        now minus the instant of the newest cycle that is durable at the target
    processed   now minus the instant of the newest cycle that is applied to the replica

A series is kept in blocks of ten minutes with a slot every ten seconds: rows are small, and a repeated
measurement finds its slot filled.
"""

import functools
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

SLOT_SECONDS = 10
BLOCK = timedelta(minutes=10)
KEPT = timedelta(days=7)
RECORD = struct.Struct("<Hfff")
NOTHING = -1.0
"""Stands for 'no such instant yet' in a record."""


@dataclass(frozen=True, slots=True)
class Rpo:
    """One measurement in seconds; None while there is no such instant yet."""

    rpo_seconds: float | None
    sent_seconds: float | None
    processed_seconds: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    at: datetime
    rpo: Rpo


Block = Mapping[int, Rpo]
"""Slot → the measurement in it."""


def measure(
    usable_at: datetime | None, sent_at: datetime | None, processed_at: datetime | None, now: datetime
) -> Rpo:
    """The ages of the three instants at `now`."""
    return Rpo(age_seconds(usable_at, now), age_seconds(sent_at, now), age_seconds(processed_at, now))


def age_seconds(instant: datetime | None, now: datetime) -> float | None:
    """Seconds from `instant` to `now`, None without an instant; at least 0, since clocks of two sites may
    differ a little."""
    return None if instant is None else max(0.0, round((now - instant).total_seconds(), 3))


def block_of(now: datetime) -> tuple[datetime, int]:
    """When the block of `now` begins, and the slot in it."""
    seconds = int(now.timestamp())
    into = seconds % int(BLOCK.total_seconds())
    return now.replace(microsecond=0) - timedelta(seconds=into), into // SLOT_SECONDS


def pack(block: Block) -> bytes:
    """The block as bytes, 14 for each slot."""
    return b"".join(
        RECORD.pack(slot, _out(rpo.rpo_seconds), _out(rpo.sent_seconds), _out(rpo.processed_seconds))
        for slot, rpo in sorted(block.items())
    )


def is_filled(data: bytes, slot: int) -> bool:
    """Whether `data`, as `pack` made it, has this slot."""
    return any(record[0] == slot for record in RECORD.iter_unpack(data))


def unpack(data: bytes) -> dict[int, Rpo]:
    """The block's slots from what `pack` made; a truncated record is left out."""
    whole = len(data) - len(data) % RECORD.size
    return {slot: Rpo(_in(a), _in(b), _in(c)) for slot, a, b, c in RECORD.iter_unpack(data[:whole])}


@dataclass(frozen=True, slots=True)
class Kept:
    """How many samples there were, how many of them were within the goal, and the worst, in seconds."""

    samples: int = 0
    within: int = 0
    worst: float = 0.0

    def __add__(self, other: "Kept") -> "Kept":
        worst = max(self.worst, other.worst)
        return Kept(self.samples + other.samples, self.within + other.within, worst)


def kept(data: bytes, goal_seconds: float) -> Kept:
    """What a block, as `pack` made it, says of a goal. Those without a point yet do not count."""
    many = len(data) // RECORD.size
    found = _whole(many).unpack(data[: many * RECORD.size])[1::4]
    if found and min(found) >= 0 and max(found) <= goal_seconds:  # almost always
        return Kept(many, many, round(max(found), 1))
    there = [each for each in found if each >= 0]
    within = sum(each <= goal_seconds for each in there)
    return Kept(len(there), within, round(max(there, default=0.0), 1))


@functools.lru_cache(maxsize=61)
def _whole(many: int) -> struct.Struct:
    """So many records at once, which takes a fifth of the time of one after the other."""
    return struct.Struct(f"<{'Hfff' * many}")


def samples(begins_at: datetime, block: Block) -> Iterator[Sample]:
    """The block's samples, oldest first."""
    for slot, rpo in sorted(block.items()):
        yield Sample(begins_at + timedelta(seconds=slot * SLOT_SECONDS), rpo)


def thinned(found: Iterable[Sample], every: timedelta) -> Iterator[Sample]:
    """For each span of that length the largest of each measurement, as of the span's first sample."""
    for _, several in groupby(found, lambda each: int(each.at.timestamp() // every.total_seconds())):
        yield _worst(list(several))


def _worst(found: Sequence[Sample]) -> Sample:
    def most(of: Callable[[Rpo], float | None]) -> float | None:
        return max((said for each in found if (said := of(each.rpo)) is not None), default=None)

    rpo = Rpo(
        most(lambda each: each.rpo_seconds),
        most(lambda each: each.sent_seconds),
        most(lambda each: each.processed_seconds),
    )
    return Sample(found[0].at, rpo)


def _out(seconds: float | None) -> float:
    return NOTHING if seconds is None else seconds


def _in(seconds: float) -> float | None:
    return None if seconds < 0 else round(seconds, 3)
