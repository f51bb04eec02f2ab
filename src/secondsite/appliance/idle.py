"""The cycle of a machine that wrote nothing since the acknowledged checkpoint: an instant without content.

Opening a view costs the hypervisor and the guest more than all else of such a cycle, so the fabric is asked first. What
it says holds at the moment of asking: the disks equalled the checkpoint, and the target has that. All else is as in any
cycle: it has a number, firmware state and a recovery point travel with it, and the target records it.
The checkpoint stays, for it is as good a base as a new one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..datapath.extents import Extent
from ..datapath.nbd_disk_buffers import Buffers
from ..datapath.sender import DiskPlan
from ..fabrics.interface import ChangeSession, Fabric, PowerState, SessionRequest
from . import sync_pass
from .source import Source
from .sync_pass import DiskFacts, DiskPart


@dataclass(frozen=True, slots=True)
class Idle:
    """Such a cycle, in the shapes of one with a view."""

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
        """Nothing is on its way."""


def look(fabric: Fabric, source: Source, request: SessionRequest) -> Idle | None:
    """The instant of this moment, if it can do without the view that was to be requested: all disks are whole at the
    target in the sizes that they have, no guest is to be frozen, and nothing was written."""
    progress, base = source.progress, request.base
    if base is None or progress.passes or request.app_consistent or source.power is PowerState.OFF:
        return None
    if set(request.disks) != progress.sizes_bytes.keys():
        return None
    unwritten = fabric.tracking.unwritten(request.fabric_id, request.disks, base)
    if unwritten is None or unwritten.sizes_bytes != progress.sizes_bytes:
        return None
    sizes = ((key, unwritten.sizes_bytes[key]) for key in request.disks)
    parts = tuple(sync_pass.part(DiskFacts(key, size, True), None, None) for key, size in sizes)
    return Idle(ChangeSession(unwritten.taken_at, base, ()), parts)
