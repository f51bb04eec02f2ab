"""Where tracking may miss a write, blocks that no mark covers are compared with the replica, a few at a time.
Pure.

A *pass* goes over all disks of a machine, in the order of their keys, for days. What differs was written at
some time after the block was last known to be equal: so every point since then may lack that. Points are told
apart by the numbers of their cycles, since clocks may be set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ...ground.units import DAY, KiB, MiB

BLOCK_BYTES = 64 * KiB
"""What is compared at once; everything begins at a multiple of it."""
LEAST_PAUSE_SECONDS = 60.0
LEAST_BYTES, MOST_BYTES = MiB, 256 * MiB
"""Of one portion: fewer are not worth a question; of more a cycle might have to wait."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was: after the cycle of this number, and by the clock, for people."""

    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RollingScan:
    """How far it is: the next block is at `offset` of `disk`. `began`: when the running pass began;
    `whole_since`: when the last whole pass began, and `ended_at` when it ended. `epoch`: the history of the
    replica that it is about."""

    epoch: int
    disk: str = ""
    offset: int = 0
    began: Moment | None = None
    whole_since: Moment | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """What is to be compared next; `length` is at least one byte."""

    disk: str
    offset: int
    length: int


def due_bytes(whole_bytes: int, percent_a_day: float, seconds: float) -> int:
    """How much is to be compared so many seconds after the last time; 0 if that is not due yet."""
    found = int(whole_bytes * percent_a_day / 100 / DAY * seconds)
    return min(found, MOST_BYTES) if seconds >= LEAST_PAUSE_SECONDS and found >= LEAST_BYTES else 0


def following(scan: RollingScan, sizes_bytes: Mapping[str, int], most_bytes: int) -> Portion | None:
    """What the scan goes on with: within one disk, whole blocks of at most so much, but one at least. A disk
    that went, or shrank, is passed over; None without a disk."""
    most_bytes = max(BLOCK_BYTES, most_bytes // BLOCK_BYTES * BLOCK_BYTES)
    for key, offset in (*_ahead(scan, sizes_bytes), *((key, 0) for key in sorted(sizes_bytes))):
        if sizes_bytes[key] > offset:
            return Portion(key, offset, min(sizes_bytes[key] - offset, most_bytes))
    return None


def _ahead(scan: RollingScan, sizes_bytes: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Disks that the running pass goes over yet, and from which byte on. One that grew has a last block that
    was short before."""
    if scan.offset < sizes_bytes.get(scan.disk, 0):
        yield scan.disk, scan.offset // BLOCK_BYTES * BLOCK_BYTES
    yield from ((key, 0) for key in sorted(sizes_bytes) if key > scan.disk)


def advanced(
    scan: RollingScan, sizes_bytes: Mapping[str, int], portion: Portion, began: Moment, now: datetime
) -> RollingScan:
    """The scan after a portion that began then was compared, and nothing was found."""
    end = portion.offset + portion.length
    if scan.began is None or (portion.disk, end) <= (scan.disk, scan.offset):
        scan = replace(scan, began=began)
    scan = replace(scan, disk=portion.disk, offset=end)
    if portion.disk == max(sizes_bytes) and end >= sizes_bytes[portion.disk]:
        return replace(scan, disk="", offset=0, began=None, whole_since=scan.began, ended_at=now)
    return scan


def fraction(scan: RollingScan, sizes_bytes: Mapping[str, int]) -> float:
    """How much of the running pass is done, 0..1."""
    passed = sum(size for key, size in sizes_bytes.items() if key < scan.disk)
    return min(1.0, (passed + scan.offset) / (sum(sizes_bytes.values()) or 1))


def equal_until(scan: RollingScan, copied_since: Moment | None) -> Moment | None:
    """Until when a block that differs now was certainly as the replica had it; None if that was never seen.
    `copied_since`: when the last whole copy or comparison of its disk began."""
    known = [each for each in (scan.whole_since, copied_since) if each is not None]
    return max(known, key=lambda each: each.seq, default=None)


def is_doubtful(epoch: int, seq: int, found_epoch: int, since_seq: int) -> bool:
    """Whether the point of a cycle may lack a write that tracking missed after the cycle `since_seq` of an
    epoch."""
    return epoch == found_epoch and seq > since_seq
