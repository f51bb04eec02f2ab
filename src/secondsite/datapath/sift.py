"""What of a dirty range the target does not hold yet, page by page.

Bitmaps count in 64 KiB, guests write 4 KiB: the digest cache tells which pages of a dirty block really changed.
A page that nothing is known about counts as changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from . import codec, extents
from .extents import Extent
from .frames_runs import Run
from .units import DIGEST_BYTES, PAGE_BYTES, MiB

ZERO_PAGE: Final = codec.digest(bytes(PAGE_BYTES))
UNKNOWN: Final = bytes(DIGEST_BYTES)
SPAN_BYTES: Final = 64 * MiB
"""How much of a zero extent is looked up at a time."""


class Known(Protocol):
    """Digests of the pages that the target holds, or will hold once this cycle is acknowledged. Used by several
    threads at once, each on its own range."""

    def region(self, offset: int, length: int) -> bytes:
        """16 bytes for each page of the range, UNKNOWN where nothing is known."""
        ...

    def note(self, offset: int, digests: bytes) -> None:
        """The target gets these pages with this cycle, or has them."""
        ...


def page_digests(raw: bytes | bytearray | memoryview) -> bytes:
    """16 bytes for each page of `raw`, the last of which may be short."""
    view = memoryview(raw)
    return b"".join([codec.digest(view[at : at + PAGE_BYTES]) for at in range(0, len(view), PAGE_BYTES)])


def zero_pages(length: int) -> bytes:
    """What `page_digests` gives for so many zero bytes."""
    whole, rest = divmod(length, PAGE_BYTES)
    return ZERO_PAGE * whole + (codec.digest(bytes(rest)) if rest else b"")


def data_runs(offset: int, raw: bytearray, known: Known | None) -> list[Run]:
    """The runs of a chunk to send; data looks into `raw`. Without `known` that is all of it."""
    if known is not None:
        ours = page_digests(raw)
        theirs = known.region(offset, len(raw))
        if ours == theirs:
            return []
        known.note(offset, ours)
        if theirs.strip(b"\0"):
            return list(_changed_runs(offset, memoryview(raw), ours, theirs))
    view = memoryview(raw)
    return [
        (offset + start, end - start, None if zero else view[start:end])
        for start, end, zero in codec.runs(offset, raw)
    ]


def _changed_runs(offset: int, view: memoryview, ours: bytes, theirs: bytes) -> Iterator[Run]:
    """Runs of changed pages, those of zeros apart."""
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
    return "zero" if ours == ZERO_PAGE else "data"


def zero_extents(extent: Extent, known: Known | None) -> list[Extent]:
    """The parts of a zero extent that the target does not hold as zeros."""
    if known is None:
        return [extent]
    unlike: list[Extent] = []
    for part in extents.split([extent], SPAN_BYTES):
        ours, theirs = zero_pages(part.length), known.region(part.offset, part.length)
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
