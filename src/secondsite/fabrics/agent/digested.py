"""Digests of a machine's disks that its agent makes: what is compared does not cross the site's network."""

from __future__ import annotations

from ...datapath.digests import DigestSource, hashes
from ...datapath.errors import DiskUnreadable
from ...datapath.extents import BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES, Extent
from ...domain import errors
from ...ground.units import MiB
from .collecting import ViewedPart
from .conversation import Conversation

ASKED_BYTES = 8 * MiB
"""So much at once: a machine that is slow would else keep the target waiting for longer than it does."""
HOLE = bytes(DIGEST_BYTES)


def digests(agent: Conversation, part: ViewedPart) -> DigestSource:
    """Those of a disk as it is."""

    def tell(region: Extent) -> tuple[bytes, bytes]:
        try:
            return _told(agent, part, region)
        except errors.FabricError as problem:
            raise DiskUnreadable(problem.message, do=problem.do) from problem

    return DigestSource(tell, ASKED_BYTES)


def _told(agent: Conversation, part: ViewedPart, region: Extent) -> tuple[bytes, bytes]:
    blocks, pages, at = bytearray(), bytearray(), region.offset
    while at < region.end:
        left = -(-(region.end - at) // BLOCK_BYTES)
        count, told, told_pages = agent.digests(part.theirs, at // BLOCK_BYTES, left)
        end = min(at + count * BLOCK_BYTES, region.end)
        _complete(blocks, pages, Extent(at, end - at), told, told_pages)
        at = end
    return bytes(blocks), bytes(pages)


def _complete(blocks: bytearray, pages: bytearray, range_: Extent, told: bytes, told_pages: bytes) -> None:
    """Add what was told of a range, zeros as their digests. Raises DiskUnreadable if it is of another."""
    used = 0
    for number, start in enumerate(range(range_.offset, range_.end, BLOCK_BYTES)):
        length = min(BLOCK_BYTES, range_.end - start)
        digest = told[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]
        if digest == HOLE:
            blocks += hashes.zero_digests(length)
            pages += hashes.zero_pages(length)
        else:
            size = -(-length // PAGE_BYTES) * DIGEST_BYTES
            blocks += digest
            pages += told_pages[used : used + size]
            used += size
    whole = -(-range_.length // BLOCK_BYTES) * DIGEST_BYTES
    if len(told) != whole or len(told_pages) != used:
        raise DiskUnreadable(
            "the agent told digests that are not of what it was asked for", do="bring it to this release"
        )
