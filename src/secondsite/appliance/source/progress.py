"""How far the replication of one machine is: the durable part of a source.

A *pass* goes over a whole disk, slice by slice. Below its position the change bitmap tells what to send;
above it nothing was sent yet. `attempted` is how far any try of this pass may have reached: up to there
the replica may have unacknowledged data, so a copy compares there."""

from datetime import datetime

from pydantic import Field

from ...domain.machines.rolling_scan import Moment
from ...wire.common.base import Shape
from ...wire.common.sync_mode import SyncMode
from ...wire.control.setups import SourceSetup
from ...wire.control.statuses import SeenHardware


class DiskPass(Shape):
    """A pass over one disk; positions are bytes from its start. `size_bytes` is 0 until the first view."""

    mode: SyncMode
    position: int = 0
    attempted: int = 0
    size_bytes: int = 0
    began: Moment | None = None
    """When its first view was opened: every block was read then, or later."""


class MissedWrites(Shape):
    """Blocks that differ from the replica although no mark covers them: `count` of them, the first at
    `offset` bytes of `disk`. Until `since` they were equal; None: nobody knows."""

    disk: str
    offset: int
    count: int
    found_at: datetime
    since: Moment | None = None


class SourceProgress(Shape):
    """`base` is the checkpoint that the target acknowledged last; `next_seq` was never used."""

    next_seq: int = 1
    last_seq: int | None = None
    base: str | None = None
    taken_at: datetime | None = None
    point_at: datetime | None = None
    app_point_at: datetime | None = None
    passes: dict[str, DiskPass] = Field(default_factory=dict)
    paused: bool = False
    joining: tuple[str, ...] = ()
    """Disks that were included later and whose first pass has not ended."""
    firmware: dict[str, str] = Field(default_factory=dict)
    """The firmware state that the target has: SHA-256 by the file's name."""
    definition: str | None = None
    """The digest of the definition that the newest point has."""
    hardware: SeenHardware | None = None
    """What the machine has by the definition of the newest point."""
    devices: dict[str, str] = Field(default_factory=dict)
    """What the block devices among the disks were called at the newest point, by disk key."""
    doubtful: dict[str, tuple[tuple[int, int], ...]] = Field(default_factory=dict)
    """By disk key, the ranges (offset and length in bytes) that cycles after the acknowledged one may have
    brought."""
    sizes_bytes: dict[str, int] = Field(default_factory=dict)
    """The sizes in bytes of the acknowledged cycle's disks, by key."""
    equal_since: dict[str, Moment] = Field(default_factory=dict)
    """By disk key, when the last pass over it that has ended began."""
    missed: MissedWrites | None = None
    """What tracking missed, until a point without it has arrived."""
    resynchronizing: bool = False
    last_cycle_seconds: float | None = None
    last_cycle_changed_bytes: int | None = None
    last_cycle_wire_bytes: int | None = None
    total_wire_bytes: int = 0

    @property
    def sync_mode(self) -> SyncMode | None:
        modes = {each.mode for each in self.passes.values()}
        if not modes:
            return None
        return SyncMode.COPY if SyncMode.COPY in modes else SyncMode.COMPARE

    def sync_fraction(self, in_slice_bytes: int = 0) -> float | None:
        """Progress (0..1) of all disks that are in a pass, with what is done of its running slice; None
        without one."""
        if not self.passes:
            return None
        whole = sum(each.size_bytes for each in self.passes.values())
        done = sum(each.position for each in self.passes.values()) + in_slice_bytes
        return min(1.0, done / whole) if whole else 0.0


def fresh(setup: SourceSetup) -> SourceProgress:
    """The start of a new epoch: every disk from its first byte."""
    return SourceProgress(passes={key: DiskPass(mode=_mode(setup, key)) for key in setup.disks})


def _mode(setup: SourceSetup, key: str) -> SyncMode:
    return SyncMode.COMPARE if key in setup.seeded else setup.sync


def restarted(progress: SourceProgress, disks: tuple[str, ...]) -> SourceProgress:
    """Compare all disks from the start, and send the firmware state again; `next_seq` and totals stay."""
    passes = {key: DiskPass(mode=SyncMode.COMPARE) for key in disks}
    return progress.model_copy(update={"passes": passes, "firmware": {}, "resynchronizing": True})


def with_disks(progress: SourceProgress, old: tuple[str, ...], new: tuple[str, ...]) -> SourceProgress:
    """Change the protected disks. A new one is compared from its first byte, because the replica may have
    an old state of it."""
    joined = [key for key in new if key not in old]
    kept = {key: each for key, each in progress.passes.items() if key in new}
    passes = {**kept, **{key: DiskPass(mode=SyncMode.COMPARE) for key in joined}}
    joining = tuple(key for key in (*progress.joining, *joined) if key in new)
    return progress.model_copy(update={"passes": passes, "joining": joining})
