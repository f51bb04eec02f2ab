"""Computes what one cycle sends of each disk, from extents alone, without I/O.

0 ........ position ........ position + slice ........ size
| changed since the base | copied or compared whole | not yet |

A slice is measured by the data in it: how many cycles a disk takes depends on its data, not on its size.

What an earlier try of the slice may have brought to the replica is compared, so it is not sent twice. So is
what an earlier delta may have brought and the bitmap no longer marks.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ...datapath import extents
from ...datapath.disks import STATUS_BYTES
from ...datapath.extents import BLOCK_BYTES, Extent
from ...wire.common.sync_mode import SyncMode
from .progress import DiskPass

Ask = Callable[[int, int], list[Extent]]
"""Asks a view about the range (offset, length) in bytes; returns extents."""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """One disk of a frozen view. `tracked`: its bitmap has all changes since the acknowledged checkpoint."""

    key: str
    size_bytes: int
    tracked: bool


@dataclass(frozen=True, slots=True)
class DiskPart:
    """What this cycle does with a disk; `after` is the pass afterwards, None if it has ended."""

    key: str
    size_bytes: int
    known_until: int
    """Below this byte only changed ranges are sent."""
    slice_start: int
    slice_end: int
    mode: SyncMode | None
    tried_until: int
    """Below this byte the replica may have a part of a copied slice, so blocks are compared there."""
    after: DiskPass | None
    content: tuple[Extent, ...] = ()
    """What the view says of the slice: data and zeros."""

    @property
    def attempted(self) -> int:
        return max(self.slice_end, self.tried_until)


def begin(disk: DiskFacts, running_pass: DiskPass | None, had_base: bool) -> DiskPass | None:
    """The pass that this view continues; a lost base starts a comparison at the disk's first byte."""
    if disk.tracked:
        return running_pass
    if running_pass is None or (had_base and running_pass.mode is SyncMode.COPY):
        attempted = running_pass.attempted if running_pass else 0
        return DiskPass(mode=SyncMode.COMPARE, attempted=attempted, size_bytes=disk.size_bytes)
    return running_pass.model_copy(update={"position": 0})


def part(
    disk: DiskFacts, at: DiskPass | None, slice_bytes: int, allocation: Ask, *, zeros_cost: bool = False
) -> DiskPart:
    """The disk's part in a cycle, `slice_bytes` of data at most. `allocation(offset, length)` asks the view.
    `zeros_cost`: empty ranges count too, as when comparing with a target of a former release."""
    if at is None:
        return still(disk)
    position = min(at.position, disk.size_bytes)
    content = _slice(disk, position, slice_bytes, allocation, zeros_cost)
    end = content[-1].end if content else position
    after = None
    if end < disk.size_bytes:
        attempted = max(at.attempted, end)
        after = at.model_copy(update={"position": end, "attempted": attempted, "size_bytes": disk.size_bytes})
    return DiskPart(
        disk.key, disk.size_bytes, position, position, end, at.mode, at.attempted, after, tuple(content)
    )


def still(disk: DiskFacts) -> DiskPart:
    """The part of a disk of which no pass is unfinished."""
    return DiskPart(disk.key, disk.size_bytes, disk.size_bytes, 0, 0, None, 0, None)


def _slice(
    disk: DiskFacts, position: int, slice_bytes: int, allocation: Ask, zeros_cost: bool
) -> list[Extent]:
    """Data and zeros from `position` on until they have `slice_bytes` of data, cut at a block, or until
    the disk ends."""
    found: list[Extent] = []
    left = -(-slice_bytes // BLOCK_BYTES) * BLOCK_BYTES
    while position < disk.size_bytes and left > 0:
        for extent in extents.merge(allocation(position, min(STATUS_BYTES, disk.size_bytes - position))):
            costs = zeros_cost or not extent.zero
            end = (
                min(extent.end, -(-(extent.offset + left) // BLOCK_BYTES) * BLOCK_BYTES)
                if costs
                else extent.end
            )
            found.append(replace(extent, length=end - extent.offset))
            left -= (end - extent.offset) * costs
            position = end
            if left <= 0:
                break
    return extents.merge(found)


def unmarked(part: DiskPart, doubtful: Iterable[Extent], changed: Iterable[Extent]) -> list[Extent]:
    """The ranges that an unacknowledged delta may have brought and that `changed` does not contain. As long
    as a disk's file stays, its bitmap still marks all of it; an older copy of the file that was put back does
    not."""
    return extents.subtract(extents.intersect(doubtful, 0, part.known_until), changed)


def to_send(part: DiskPart, dirty: Ask, allocation: Ask) -> tuple[list[Extent], list[Extent]]:
    """(extents to send, extents to compare). `dirty(offset, length)` and `allocation(offset, length)` ask
    the view."""
    changed: list[Extent] = []
    if part.known_until:
        # Ask for allocation only inside dirty extents: over a whole large disk it takes many minutes (P18).
        for each in dirty(0, part.known_until):
            changed += allocation(each.offset, each.length)
    if part.slice_end == part.slice_start:
        return extents.merge(changed), []
    whole = part.content
    if part.mode is SyncMode.COMPARE:
        return extents.merge(changed), extents.merge(whole)
    fresh_start = max(part.slice_start, part.tried_until)
    fresh = extents.intersect(whole, fresh_start, max(0, part.slice_end - fresh_start))
    changed += [each for each in fresh if not each.zero]
    return extents.merge(changed), extents.intersect(whole, 0, part.tried_until)
