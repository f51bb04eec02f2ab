"""What an unacknowledged cycle may have brought is compared, also where the bitmap knows nothing of it."""

from types import SimpleNamespace
from typing import Any, cast

from secondsite.appliance.source import cycle, slices
from secondsite.appliance.source.progress import SourceProgress
from secondsite.appliance.source.slices import DiskFacts
from secondsite.datapath.extents import Extent
from secondsite.ground.units import KiB, MiB

BLOCK = 64 * KiB


def test_what_may_have_arrived_and_is_not_marked_any_more_is_compared():
    """An older image was put back between two tries."""
    progress = SourceProgress(doubtful={"vda": ((0, 2 * BLOCK), (8 * BLOCK, BLOCK))})
    source = cast(Any, SimpleNamespace(progress=progress))
    disk = cast(Any, SimpleNamespace(
        dirty=lambda _offset, _length: [Extent(BLOCK, BLOCK)],
        allocation=lambda offset, length: [Extent(offset, length)],
    ))  # fmt: skip
    parts = [slices.still(DiskFacts("vda", 4 * MiB, True))]
    session = cast(Any, SimpleNamespace(disks=[SimpleNamespace(digests=None)]))
    (plan,) = cycle._plans(source, session, [disk], parts)  # noqa: SLF001 as a cycle makes them
    assert plan.changed == [Extent(BLOCK, BLOCK)]
    assert plan.compare == [Extent(0, BLOCK), Extent(8 * BLOCK, BLOCK)]
