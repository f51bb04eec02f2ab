"""The shapes of the REST API, shared by the vault's face and by its clients. The API lives under /api."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from ..domain.points import RecoveryPointChoice
from .base import Problem, Shape
from .replication import FindingShape, JournalStretch, PointShape, PolicyShape


class ErrorBody(Shape):
    error: Problem


class VaultInfo(Shape):
    name: str
    version: str
    database: str
    ca_fingerprint: str
    sites: int
    appliances: int
    machines: int


class MachineShape(Shape):
    """A machine of a site (unprotected) or under protection. `id` is ours once protected, else the fabric's."""

    id: str
    name: str
    state: str
    drill: str
    health: str
    source_site: str
    target_site: str | None
    active_site: str
    """The site where the machine runs, or should run."""
    direction: Literal["forward", "reverse"] | None
    power: str | None
    policy: str | None
    group: str | None = None
    encrypted: bool = False
    """Replicas that are made new for it are encrypted; disks of its own that it goes back to stay as they are."""
    encryption_key_id: str | None = None
    """The key that the present replica is encrypted with; None: it is plain."""
    disks: tuple[dict[str, Any], ...] = ()
    allowed_operations: tuple[str, ...]
    rpo_seconds: float | None = None
    """Now minus the instant of the newest point; None before the first."""
    rpo_sent_seconds: float | None = None
    """Now minus the instant of the newest cycle that is durable at the target."""
    rpo_processed_seconds: float | None = None
    """Now minus the instant of the newest cycle that is applied to the replica."""
    sync_mode: str | None = None
    sync_fraction: float | None = None
    point_count: int = 0
    newest_point: PointShape | None = None
    journal: tuple[JournalStretch, ...] = ()
    """Between which instants (UTC) any processed cycle can be recovered."""
    failed_over_point_id: str | None = None
    failed_over_to: datetime | None = None
    """The instant that the point was rolled forward to; None when the machine runs from the point itself."""
    failed_over_from: str | None = None
    """What the failed-over machine was started from, as a person reads it: a point, or an instant after it."""
    drill_from: str | None = None
    """The same of the machine of a test failover that is open."""
    last_cycle_seconds: float | None = None
    last_cycle_changed_bytes: int | None = None
    last_cycle_wire_bytes: int | None = None
    total_wire_bytes: int = 0
    inbox_bytes: int = 0
    store_bytes: int = 0
    journal_bytes: int = 0
    findings: tuple[FindingShape, ...] = ()
    drill_notes: tuple[dict[str, Any], ...] = ()
    job_id: str | None = None
    """The running job, if any."""
    seen_at: datetime | None = None
    """Of a machine that nobody protects, when its site cannot be asked now: when it was there."""


class RpoSample(Shape):
    """One moment of a machine's RPO series. `rpo_seconds`: now minus the instant of the newest usable point."""

    at: datetime
    rpo_seconds: float | None
    sent_seconds: float | None
    processed_seconds: float | None


class HoldRequest(Shape):
    """Why the point is to stay."""

    reason: str = Field(min_length=1, max_length=200)


class GroupCreate(Shape):
    """A replication group; `machines` (names or ids) are its first members."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    source_site: str
    target_site: str
    multi_vm_every_seconds: int = Field(60, ge=5, le=86400)
    app_consistent: bool = False
    machines: tuple[str, ...] = ()


class GroupInfo(Shape):
    """A group as it is. `newest_set` is the id of the newest common point that every member has."""

    name: str
    source_site: str
    target_site: str
    multi_vm_every_seconds: int
    app_consistent: bool
    created_at: datetime
    machines: tuple[str, ...] = ()
    newest_set: str | None = None
    newest_set_at: datetime | None = None
    newest_app_set: str | None = None


class EnableProtection(Shape):
    """`machines`: names or fabric ids at `source_site`. All disks, or those named per machine. `seeds`: by machine and
    disk key the path, at the target appliance's machine, of a copy of the disk that was shipped there. `encrypt`: the
    replica is encrypted with the key that the target's appliance has."""

    machines: tuple[str, ...] = Field(min_length=1)
    source_site: str
    target_site: str
    policy: str = "default"
    disks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    seeds: dict[str, dict[str, str]] = Field(default_factory=dict)
    encrypt: bool = False


class MachinesRequest(Shape):
    machines: tuple[str, ...] = Field(min_length=1)


class DisableProtection(MachinesRequest):
    pass


class TestFailover(MachinesRequest):
    """`network`: an existing isolated network's name, 'create' (the default: a new isolated one), or 'none'. `at`: the
    newest processed cycle at or before that time, instead of a point or choice."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST_PROCESSED
    point: str | None = None
    at: AwareDatetime | None = None
    network: str = "create"


class CleanupTestFailover(MachinesRequest):
    notes: str = ""


class Failover(MachinesRequest):
    """`at`: the newest processed cycle at or before that time, instead of a point or choice."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    point: str | None = None
    at: AwareDatetime | None = None
    shut_down_source: bool = False


class PlannedFailover(MachinesRequest):
    pass


class ChangeRecoveryPoint(MachinesRequest):
    """`at`: the newest processed cycle at or before that time, instead of a point or choice."""

    choice: RecoveryPointChoice = RecoveryPointChoice.CUSTOM
    point: str | None = None
    at: AwareDatetime | None = None


class Commit(MachinesRequest):
    pass


class CancelFailover(MachinesRequest):
    pass


class Reprotect(MachinesRequest):
    """`location`: original (the old source's disks, only changes travel) or alternate (a full copy)."""

    location: Literal["original", "alternate"] = "original"


class Resynchronize(MachinesRequest):
    pass


class IncludeDisk(MachinesRequest):
    """`disks`: keys of disks that the machines have and that are not protected."""

    disks: tuple[str, ...] = Field(min_length=1)


class ExcludeDisk(MachinesRequest):
    """`disks`: keys of disks to be left out from now on, whether they are protected or were added lately."""

    disks: tuple[str, ...] = Field(min_length=1)


class JobAccepted(Shape):
    """One job per machine; several machines come under one parent. `job_id` is the one to follow."""

    job_id: str
    children: tuple[str, ...] = ()


class TaskShape(Shape):
    position: int
    name: str
    state: str
    sentence: str
    progress: float | None
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    problem: Problem | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


class JobShape(Shape):
    id: str
    verb: str
    subject: str | None
    subject_name: str | None
    state: str
    sentence: str
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    parent_id: str | None
    children: tuple[str, ...] = ()
    tasks: tuple[TaskShape, ...] = ()
    problem: Problem | None = None
    cancelable: bool = False


class PolicyCreate(PolicyShape):
    rpo_threshold_seconds: int = 900
    retention_seconds: int = 86400
    crash_consistent_every_seconds: int = 300
    app_consistent_every_seconds: int = 3600
    cycle_seconds: float = 5
    journal_seconds: int = 3600


class PolicyInfo(PolicyShape):
    read_only: bool = False
    used_by: int = 0


class Possible(Shape):
    """What a choice would pick now: shown before the button is pressed."""

    machine: str
    choice: RecoveryPointChoice
    point: PointShape | None
    loses_seconds: float | None
    problem: Problem | None = None
