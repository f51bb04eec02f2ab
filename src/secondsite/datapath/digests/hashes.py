"""Digests of bytes, pages and blocks: xxh3-128, 16 bytes each; zeros are digested like any other bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import xxhash

from ..extents import BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES, Extent

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class DigestSource:
    """Where the digests of a disk's content come from. `tell` gives those of the blocks of a range, and those
    of its pages; the range begins and ends at blocks, and has at most `most_bytes`. It raises
    DatapathError."""

    tell: Callable[[Extent], tuple[bytes, bytes]]
    most_bytes: int


def digest(raw: Bytes) -> bytes:
    """The xxh3-128 of the bytes."""
    return xxhash.xxh3_128_digest(raw)


ZERO_PAGE: Final = digest(bytes(PAGE_BYTES))
ZERO_BLOCK_DIGEST: Final = digest(bytes(BLOCK_BYTES))
UNKNOWN: Final = bytes(DIGEST_BYTES)
"""Stands for a digest that is not known."""


def page_digests(raw: Bytes) -> bytes:
    """16 bytes for each page of `raw`, the last of which may be short."""
    view = memoryview(raw)
    return b"".join([digest(view[at : at + PAGE_BYTES]) for at in range(0, len(view), PAGE_BYTES)])


def zero_pages(length: int) -> bytes:
    """What `page_digests` gives for that many zero bytes."""
    whole, rest = divmod(length, PAGE_BYTES)
    return ZERO_PAGE * whole + (digest(bytes(rest)) if rest else b"")


def block_digests(raw: Bytes, block_bytes: int = BLOCK_BYTES) -> bytes:
    """16 bytes for each block of `raw`, the last of which may be short."""
    view = memoryview(raw)
    return b"".join(digest(view[at : at + block_bytes]) for at in range(0, len(view), block_bytes))


def zero_digests(length: int) -> bytes:
    """What `block_digests` gives for that many zero bytes."""
    whole, rest = divmod(length, BLOCK_BYTES)
    return ZERO_BLOCK_DIGEST * whole + (digest(bytes(rest)) if rest else b"")
