"""The cycle of a machine that wrote nothing since the acknowledged checkpoint: an instant without content.

Opening a view costs the hypervisor and the guest more than the rest of such a cycle, so the fabric is asked first.
If nothing was written, the disks equal the checkpoint, which the target has. The rest is as in any cycle: it has a
number, carries firmware state and a recovery point, and the target records it. The checkpoint stays: it is as good
a base as a new one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...datapath.disks import Buffers
from ...datapath.extents import Extent
from ...datapath.transfer import DiskPlan
from ...domain import errors
from ...fabrics.interface import ChangeSession, Fabric, PowerState, SessionRequest
from . import slices
from .machine import Source
from .slices import DiskFacts, DiskPart


@dataclass(frozen=True, slots=True)
class Idle:
    """An idle cycle, in the shape of one with a view."""

    session: ChangeSession
    parts: tuple[DiskPart, ...]

    @property
    def plans(self) -> list[DiskPlan]:
        return [DiskPlan(_Unread(part.size_bytes), part.key) for part in self.parts]


@dataclass(frozen=True, slots=True)
class _Unread:
    """A disk of which nothing is sent."""

    size_bytes: int

    def read_many(
        self, wanted: Iterable[Extent], buffers: Buffers | None = None
    ) -> Iterator[tuple[int, bytearray]]:
        if list(wanted):
            raise ValueError("an idle cycle reads nothing")
        return iter(())

    def land(self) -> None:
        """Nothing is in flight."""


def is_unwritten(fabric: Fabric, source: Source) -> bool:
    """Whether the disks are those of the acknowledged cycle, and nothing was written to them since."""
    progress = source.progress
    if progress.base is None:
        return False
    try:
        found = fabric.tracking.unwritten(source.setup.fabric_id, tuple(progress.sizes_bytes), progress.base)
    except errors.SecondsiteError:
        return False
    return found is not None and found.sizes_bytes == progress.sizes_bytes


def look(fabric: Fabric, source: Source, request: SessionRequest) -> Idle | None:
    """An idle cycle of this moment, if possible: all disks are whole at the target in their present sizes, no
    freeze is asked for, and nothing was written. Else None."""
    progress, base = source.progress, request.base
    if base is None or progress.passes or progress.doubtful:
        return None
    if request.app_consistent or source.power is PowerState.OFF:
        return None
    if set(request.disks) != progress.sizes_bytes.keys():
        return None
    unwritten = fabric.tracking.unwritten(request.fabric_id, request.disks, base)
    if unwritten is None or unwritten.sizes_bytes != progress.sizes_bytes:
        return None
    sizes = ((key, unwritten.sizes_bytes[key]) for key in request.disks)
    parts = tuple(slices.part(DiskFacts(key, size, True), None, None) for key, size in sizes)
    return Idle(ChangeSession(unwritten.taken_at, base, ()), parts)
