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
from ..fabrics.interface import ChangeSession, Fabric, MachineSummary, PowerState
from . import surroundings, sync_pass
from .source import Source
from .sync_pass import DiskFacts, DiskPart
from .take import Wish


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


def may_be(source: Source, wish: Wish) -> bool:
    """Whether the next cycle needs no view if nothing was written: all disks are whole at the target, the machine is
    not off, and no guest is to be frozen."""
    progress = source.progress
    runs = source.power is not PowerState.OFF
    return runs and progress.base is not None and not progress.passes and not wish.app_consistent


def look(fabric: Fabric, source: Source, found: MachineSummary) -> Idle | None:
    """The instant of this moment, if `found` has still the acknowledged disks in their sizes and wrote nothing."""
    progress = source.progress
    keys = surroundings.present_disks(source, found)
    if progress.base is None or set(keys) != progress.sizes_bytes.keys():
        return None
    unwritten = fabric.tracking.unwritten(source.setup.fabric_id, keys, progress.base)
    if unwritten is None or unwritten.sizes_bytes != progress.sizes_bytes:
        return None
    sizes = ((key, unwritten.sizes_bytes[key]) for key in keys)
    parts = tuple(sync_pass.part(DiskFacts(key, size, True), None, None) for key, size in sizes)
    return Idle(ChangeSession(unwritten.taken_at, progress.base, ()), parts)
