"""Ranges of a disk (extents), and set operations on them.

A list of extents is *tidy* when it is sorted, nothing overlaps, and neighbours of the same kind are one.
Every function here takes any list and gives a tidy one. `zero` says that the range is known to read as
zeros; where two extents overlap, a range is zero only if both say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..ground.units import KiB, MiB

# The few numbers that both ends of the data path agree on, in bytes.

BLOCK_BYTES: Final = 64 * KiB
"""The granularity of dirty bitmaps and of comparison."""

PAGE_BYTES: Final = 4 * KiB
"""The granularity of changes inside a dirty block."""

CHUNK_BYTES: Final = 1 * MiB
"""The most bytes of one read and of one frame."""

DIGEST_BYTES: Final = 16
"""The size of an xxh3-128 digest."""


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """`length` bytes from `offset`; `zero` if they are known to be zeros."""

    offset: int
    length: int
    zero: bool = False

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.length


def merge(extents: Iterable[Extent]) -> list[Extent]:
    """The same bytes as a tidy list."""
    tidy: list[Extent] = []
    for extent in sorted(extents):
        if extent.length > 0:
            _lay(tidy, extent)
    return tidy


def _lay(tidy: list[Extent], new: Extent) -> None:
    """Add `new`, which starts at or after the start of the last one or two of `tidy`."""
    covered_from = len(tidy)
    while covered_from and tidy[covered_from - 1].end > new.offset:
        covered_from -= 1
    overlapped = tidy[covered_from:]
    del tidy[covered_from:]
    at = new.offset
    for old in overlapped:
        if old.offset < at:
            _append(tidy, old.offset, at, old.zero)
        _append(tidy, at, min(old.end, new.end), old.zero and new.zero)
        _append(tidy, max(new.end, old.offset), old.end, old.zero)
        at = max(at, min(old.end, new.end))
    _append(tidy, at, new.end, new.zero)


def _append(tidy: list[Extent], start: int, end: int, zero: bool) -> None:
    if start >= end:
        return
    if tidy and tidy[-1].end == start and tidy[-1].zero is zero:
        start = tidy.pop().offset
    tidy.append(Extent(start, end - start, zero))


def union(first: Iterable[Extent], second: Iterable[Extent]) -> list[Extent]:
    """The bytes of either."""
    return merge([*first, *second])


def intersect(extents: Iterable[Extent], offset: int, length: int) -> list[Extent]:
    """The bytes that also lie in the given range."""
    end = offset + length
    clipped = (_between(extent, offset, end) for extent in merge(extents))
    return [extent for extent in clipped if extent.length > 0]


def _between(extent: Extent, start: int, end: int) -> Extent:
    low = max(extent.offset, start)
    return replace(extent, offset=low, length=min(extent.end, end) - low)


def subtract(extents: Iterable[Extent], away: Iterable[Extent]) -> list[Extent]:
    """The bytes of `extents` that `away` does not name."""
    holes = merge(replace(extent, zero=False) for extent in away)
    left: list[Extent] = []
    first = 0
    for extent in merge(extents):
        while first < len(holes) and holes[first].end <= extent.offset:
            first += 1
        at, index = extent.offset, first
        while index < len(holes) and holes[index].offset < extent.end:
            _append(left, at, min(holes[index].offset, extent.end), extent.zero)
            at = holes[index].end
            index += 1
        _append(left, at, extent.end, extent.zero)
    return left


def align(extents: Iterable[Extent], granularity: int, size_bytes: int) -> list[Extent]:
    """The extents grown outwards to whole blocks, and cut at the disk's end.

    Only whole blocks stay zero: the bytes beside a zero extent are unknown, so its ragged edges become data.
    """
    grown: list[Extent] = []
    for extent in intersect(extents, 0, size_bytes):
        low, high = _outer(extent, granularity, size_bytes)
        grown.append(Extent(low, high - low))
    whole: list[Extent] = []
    for extent in intersect(extents, 0, size_bytes):
        if extent.zero:
            low, high = _inner(extent, granularity, size_bytes)
            whole.append(Extent(low, high - low, zero=True))
    zeros = merge(whole)
    return merge([*subtract(grown, zeros), *zeros])


def _outer(extent: Extent, granularity: int, size_bytes: int) -> tuple[int, int]:
    return extent.offset // granularity * granularity, min(_up(extent.end, granularity), size_bytes)


def _inner(extent: Extent, granularity: int, size_bytes: int) -> tuple[int, int]:
    high = size_bytes if extent.end == size_bytes else extent.end // granularity * granularity
    return _up(extent.offset, granularity), high


def _up(number: int, granularity: int) -> int:
    return -(-number // granularity) * granularity


def split(extents: Iterable[Extent], most_bytes: int = CHUNK_BYTES) -> Iterator[Extent]:
    """Each extent in pieces that end at multiples of `most_bytes`, so no piece is longer than that."""
    for extent in extents:
        at = extent.offset
        while at < extent.end:
            end = min((at // most_bytes + 1) * most_bytes, extent.end)
            yield Extent(at, end - at, extent.zero)
            at = end


def total_bytes(extents: Iterable[Extent]) -> int:
    """The sum of the lengths."""
    return sum(extent.length for extent in extents)
