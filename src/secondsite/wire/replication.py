"""What the two appliances of a machine are told, and what they say about it."""

from datetime import datetime
from enum import StrEnum

from ..domain import journal
from ..domain.points import Consistency, RecoveryPoint
from ..domain.units import HOUR
from .base import Shape
from .machines import MachineDefinition


class SyncMode(StrEnum):
    """How a pass over whole disks is made: COPY sends all that is not zero, COMPARE only blocks that differ."""

    COPY = "copy"
    COMPARE = "compare"


class Base(StrEnum):
    """What a new replica starts from: EMPTY disks, or the disks of the machine that ran at this site before."""

    EMPTY = "empty"
    EXISTING = "existing"


class PolicyShape(Shape):
    """A ReplicationPolicy as it crosses a process; all in seconds."""

    name: str
    rpo_threshold_seconds: int
    retention_seconds: int
    crash_consistent_every_seconds: int
    app_consistent_every_seconds: int
    cycle_seconds: float
    journal_seconds: int = HOUR


class GroupShape(Shape):
    """A replication group as the source's appliance needs it; `members` are machine ids."""

    name: str
    multi_vm_every_seconds: int
    app_consistent: bool = False
    members: tuple[str, ...]


class SourceSetup(Shape):
    """All that a source appliance needs to replicate by itself from now on. `epoch` rises whenever direction or
    replica changes; a target refuses cycles of another epoch."""

    machine_id: str
    machine_name: str
    fabric_id: str
    epoch: int
    disks: tuple[str, ...]
    target_appliance_id: str
    target_addresses: tuple[str, ...]
    policy: PolicyShape
    sync: SyncMode
    seeded: tuple[str, ...] = ()
    """Disks of which the target holds a copy already: they are compared, whatever `sync` says."""
    left_out: tuple[str, ...] = ()
    """Disks that the machine has and that are not protected by choice."""


class ReplicaSetup(Shape):
    """All that a target appliance needs to hold a replica. `existing_fabric_id` names this site's old machine when
    base is EXISTING. `encrypted`: what is made new is encrypted with the key that the appliance has; existing disks
    stay as they are."""

    machine_id: str
    machine_name: str
    epoch: int
    definition: MachineDefinition
    disks: tuple[str, ...]
    source_appliance_id: str
    policy: PolicyShape
    base: Base = Base.EMPTY
    existing_fabric_id: str | None = None
    encrypted: bool = False


class PointShape(Shape):
    id: str
    taken_at: datetime
    consistency: Consistency = Consistency.CRASH
    epoch: int = 0
    seq: int = 0
    set_id: str | None = None
    reason: str | None = None
    committed: bool = False
    added_bytes: int = 0
    disks: tuple[str, ...] = ()
    """The disks that the point has: one that was included later, or taken out of the machine, is not in all points."""
    held: str | None = None
    """Why the point stays whatever retention says; None when it is not held."""
    damaged: bool = False
    """It was read and is not what was sealed: no choice picks it until a verification finds it whole."""
    verified_at: datetime | None = None
    """When it was read last and compared with its digests (UTC); None if it never was."""
    sealed_at: datetime | None = None
    """When the target sealed it, by the target's clock (UTC); `taken_at` is by the source's."""

    def to_domain(self) -> RecoveryPoint:
        return RecoveryPoint(
            self.id,
            self.taken_at,
            self.consistency,
            self.epoch,
            self.seq,
            self.set_id,
            self.reason,
            self.committed,
            self.damaged,
            self.sealed_at,
        )


class Forward(Shape):
    """A recovery point rolled forward: the cycles of the journal were applied to it up to `seq`, taken at `taken_at`,
    `after_seconds` after the point by the source's clock."""

    seq: int
    taken_at: datetime
    epoch: int | None = None
    after_seconds: float | None = None

    def named(self, point_id: str) -> str:
        """The instant, its cycle, and how far it is from the point, as people read it."""
        cycle = str(self.seq) if self.epoch is None else f"{self.epoch}-{self.seq}"
        return journal.named(point_id, self.taken_at, cycle, self.after_seconds)


def started_from(point_id: str, forward: Forward | None) -> str:
    """What a machine was started from: a recovery point, or an instant after it."""
    return f"point {point_id}" if forward is None else forward.named(point_id)


class JournalStretch(Shape):
    """Instants without a gap: every processed cycle from `begins_at` to `ends_at` (UTC) can be recovered; `cycles` of
    them are in the journal, the others are recovery points."""

    begins_at: datetime
    ends_at: datetime
    cycles: int


class FindingShape(Shape):
    """`code` is in domain.health.CATALOGUE."""

    code: str
    what: str
    since: datetime


class SourceStatus(Shape):
    """A machine as its source appliance sees it. `sync_fraction` is 0..1 during a pass over whole disks, else None.
    `sent_at` is the instant (UTC) of the newest cycle that is durable at the target."""

    machine_id: str
    epoch: int
    power: str
    running: bool
    """True while the replication loop is on."""
    last_seq: int | None = None
    sent_at: datetime | None = None
    sync_mode: SyncMode | None = None
    sync_fraction: float | None = None
    last_cycle_seconds: float | None = None
    last_cycle_changed_bytes: int | None = None
    last_cycle_wire_bytes: int | None = None
    total_wire_bytes: int = 0
    findings: tuple[FindingShape, ...] = ()


class ReplicaStatus(Shape):
    """A machine as its target appliance sees it. `processed_at` is the instant of the newest cycle that is applied,
    `inbox_bytes` what waits to be processed, `journal` what can be recovered beside the points. `synchronized` turns
    true with the first sealed point of the epoch. `encryption_key_id` names the key that the replica is encrypted with;
    None: it is plain."""

    machine_id: str
    epoch: int
    accepting: bool
    synchronized: bool
    points: tuple[PointShape, ...] = ()
    journal: tuple[JournalStretch, ...] = ()
    journal_bytes: int = 0
    processed_seq: int | None = None
    processed_at: datetime | None = None
    inbox_bytes: int = 0
    store_bytes: int = 0
    runs: tuple[str, ...] = ()
    encryption_key_id: str | None = None
    findings: tuple[FindingShape, ...] = ()
