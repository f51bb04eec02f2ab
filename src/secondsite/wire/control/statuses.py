"""What the two appliances of a machine report about it."""

from datetime import datetime

from ..common.base import Shape
from ..common.findings import FindingShape
from ..common.points import JournalStretch, PointShape
from ..common.sync_mode import SyncMode


class SourceStatus(Shape):
    """A machine as its source appliance sees it. `sync_fraction` is 0..1 during a pass over whole disks, else None.
    `sent_at` is the instant (UTC) of the newest cycle that is durable at the target."""

    machine_id: str
    epoch: int
    power: str
    running: bool
    """True while the replication loop is on."""
    fenced: bool = False
    """The machine was failed over, so the appliance keeps it from starting here."""
    last_seq: int | None = None
    sent_at: datetime | None = None
    sync_mode: SyncMode | None = None
    sync_fraction: float | None = None
    last_cycle_seconds: float | None = None
    last_cycle_changed_bytes: int | None = None
    last_cycle_wire_bytes: int | None = None
    total_wire_bytes: int = 0
    findings: tuple[FindingShape, ...] = ()


class OldCopyStatus(Shape):
    """The old copy of a machine that runs at the other site, defined here again when a reprotect was undone: nothing of it
    is replicated, and it must not start."""

    machine_id: str
    power: str


class ReplicaStatus(Shape):
    """A machine as its target appliance sees it. `processed_at` is the instant of the newest cycle that is applied,
    `inbox_bytes` what waits to be processed, `journal` what can be recovered besides the points. `synchronized` becomes
    true with the first sealed point of the epoch. `encryption_key_id` names the key that the replica is encrypted with;
    None: it is not encrypted."""

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
