"""Finds the pages of a dirty range that the target lacks.

Bitmaps count in 64 KiB, guests write 4 KiB: the digest cache tells which pages of a dirty block really
changed. An unknown page counts as changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ...ground.units import MiB
from .. import extents
from ..digests import DigestCacheFile, hashes
from ..extents import DIGEST_BYTES, PAGE_BYTES, Extent
from ..frames import Range, codec

SPAN_BYTES: Final = 64 * MiB
"""Bytes of a zero extent that are looked up at a time."""


def data_ranges(offset: int, raw: bytearray, known: DigestCacheFile | None) -> list[Range]:
    """The ranges of a chunk to send; without `known`, all of it. Data refers to `raw`."""
    if known is not None:
        ours = hashes.page_digests(raw)
        theirs = known.region(offset, len(raw))
        if ours == theirs:
            return []
        known.note(offset, ours)
        if theirs.strip(b"\0"):
            return list(_changed_ranges(offset, memoryview(raw), ours, theirs))
    view = memoryview(raw)
    return [
        (offset + start, end - start, None if zero else view[start:end])
        for start, end, zero in codec.ranges(offset, raw)
    ]


def _changed_ranges(offset: int, view: memoryview, ours: bytes, theirs: bytes) -> Iterator[Range]:
    """Ranges of changed pages; zeros are ranges of their own."""
    start, kind = 0, ""
    for at in range(0, len(ours) + DIGEST_BYTES, DIGEST_BYTES):
        now = _kind(ours[at : at + DIGEST_BYTES], theirs[at : at + DIGEST_BYTES])
        if now != kind:
            end = min(at // DIGEST_BYTES * PAGE_BYTES, len(view))
            if kind:
                yield offset + start, end - start, view[start:end] if kind == "data" else None
            start, kind = end, now


def _kind(ours: bytes, theirs: bytes) -> str:
    if ours == theirs:
        return ""
    return "zero" if ours == hashes.ZERO_PAGE else "data"


def zero_extents(extent: Extent, known: DigestCacheFile | None) -> list[Extent]:
    """The parts of a zero extent that are not known to be zeros at the target."""
    if known is None:
        return [extent]
    noted = extents.intersect(known.noted(extent.offset, extent.length), extent.offset, extent.length)
    unlike = extents.subtract([extent], noted)
    for part in unlike:
        if (
            part.length < SPAN_BYTES
        ):  # of a wide hole nothing is noted: that would cost more than the disk holds
            known.note(part.offset, hashes.zero_pages(part.length))
    for part in extents.split((replace(each, zero=True) for each in noted), SPAN_BYTES):
        ours, theirs = hashes.zero_pages(part.length), known.region(part.offset, part.length)
        if ours != theirs:
            known.note(part.offset, ours)
            unlike += _unlike(part, ours, theirs)
    return extents.merge(unlike)


def _unlike(part: Extent, ours: bytes, theirs: bytes) -> Iterator[Extent]:
    if not theirs.strip(b"\0"):
        yield part
        return
    for at in range(0, len(ours), DIGEST_BYTES):
        if ours[at : at + DIGEST_BYTES] != theirs[at : at + DIGEST_BYTES]:
            start = part.offset + at // DIGEST_BYTES * PAGE_BYTES
            yield Extent(start, min(PAGE_BYTES, part.end - start), zero=True)
