"""How well a machine is replicated."""

from pydantic import AwareDatetime

from ..common.base import Shape
from ..common.points import JournalStretch
from ..common.sync_mode import SyncMode


class Synchronization(Shape):
    """A pass over whole disks that is in progress."""

    mode: SyncMode
    """copy: all that is not zero is sent; compare: only blocks that differ are."""
    fraction: float
    """How much of the disks is done, from 0 to 1."""
    seconds_left: float | None = None
    """How long it will take at its pace so far, until when the RPO grows; null before that is known."""


class LastCycle(Shape):
    """The newest cycle: what the machine changed since the one before."""

    seconds: float
    """From its beginning until the target had it."""
    changed_bytes: int
    """What the guest changed."""
    wire_bytes: int
    """What was sent for it, compressed."""


class RunningView(Shape):
    """How the disks are frozen for each cycle while the machine runs."""

    kind: str
    """backup-job: by libvirt's backup job; filter: by QEMU's copy-before-write filters."""
    reason: str | None = None
    """Why it is not the kind that is preferred; null: it is."""


class RollingScan(Shape):
    """Where tracking may miss a write, all blocks that no mark covers are compared with the replica, a few at
    a time."""

    fraction: float
    """How much of the disks the running pass has compared, from 0 to 1."""
    ended_at: AwareDatetime | None = None
    """When the last whole pass ended; null before the first."""


class Replication(Shape):
    """What is being sent to the target, and what is stored there."""

    synchronization: Synchronization | None = None
    """The pass over whole disks that is in progress; null when there is none."""
    view: RunningView | None = None
    """Null before the first cycle of a machine that runs."""
    rolling_scan: RollingScan | None = None
    """Null where tracking misses nothing."""
    last_cycle: LastCycle | None = None
    """Null before the first cycle."""
    total_wire_bytes: int = 0
    """What was sent since protection began, compressed."""
    inbox_bytes: int = 0
    """What is durable at the target and not yet applied to the replica."""
    store_bytes: int = 0
    """What the replica and its recovery points take at the target."""


class Rpo(Shape):
    """How much work would be lost now. Each is null before there is anything to recover."""

    seconds: float | None = None
    """Now minus the instant of the newest usable recovery point."""
    sent_seconds: float | None = None
    """Now minus the instant of the newest cycle that is durable at the target."""
    processed_seconds: float | None = None
    """Now minus the instant of the newest cycle that is applied to the replica."""


class RpoSample(Rpo):
    """One moment of a machine's RPO series."""

    at: AwareDatetime
    """When it was measured (UTC)."""


class ChurnSample(Shape):
    """What a machine wrote between two of its recovery points."""

    at: AwareDatetime
    """The instant of the later point (UTC)."""
    seconds: float
    """How long after the one before."""
    changed_bytes: int
    """The space that it added to the store."""


class Journal(Shape):
    """Cycles that can be recovered one by one, besides the recovery points."""

    stretches: tuple[JournalStretch, ...] = ()
    """The ranges in which any processed cycle can be recovered, oldest first."""
    bytes: int = 0
    """What the journal takes at the target."""
