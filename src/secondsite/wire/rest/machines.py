"""Machines of the sites, and those under protection."""

from enum import StrEnum

from pydantic import AwareDatetime

from ...domain.health import Health, Severity
from ...domain.lifecycle import State, Verb
from ..common.base import Shape
from ..common.machines import PowerState
from ..common.points import PointShape
from .codes import FindingCode
from .failovers import Drill, FailedOver
from .pages import Page, Paging
from .replication import Journal, Replication, Rpo


class Direction(StrEnum):
    """Forward: away from the site where the machine was when its protection began. Reverse: back to it."""

    FORWARD = "forward"
    REVERSE = "reverse"


class Disk(Shape):
    """A disk of the machine."""

    key: str
    """Its name for the machine's life, such as vda."""
    size_bytes: int
    """Its virtual size."""
    protected: bool
    """Whether it is replicated."""


class Finding(Shape):
    """Something that is wrong with a machine."""

    code: FindingCode
    """Names the kind of fact."""
    severity: Severity
    """How bad it is."""
    what: str
    """What was found."""
    cause: str
    """Its likely cause."""
    do: str
    """The recommended action."""
    since: AwareDatetime
    """Since when it is so (UTC)."""


class Encryption(Shape):
    """How the machine's replica lies at the target."""

    wanted: bool = False
    """Replicas that are made new are encrypted; disks of its own that the machine goes back to stay as they are."""
    key_id: str | None = None
    """The key that the present replica is encrypted with; null: it is plain."""


class Points(Shape):
    """The recovery points of a machine, in short."""

    count: int = 0
    """How many there are."""
    newest: PointShape | None = None
    """The one that was made last; null before the first."""


class Machine(Shape):
    """A machine of a site that nobody protects, or one under protection."""

    id: str
    """The vault's once it is protected, else the hypervisor's."""
    name: str
    """As the hypervisor has it."""
    state: State
    """Where it is in its lifecycle."""
    health: Health
    """The worst of its findings."""
    findings: tuple[Finding, ...] = ()
    """All that is wrong with it, the oldest first."""
    allowed_operations: tuple[Verb, ...]
    """What may be started now; all else is refused."""
    job_id: str | None = None
    """The job that has the machine now, if any."""
    source_site: str
    """Where its replication begins; reprotect turns source and target."""
    target_site: str | None = None
    """Where its replica is; null while it is unprotected."""
    active_site: str
    """The site where it runs, or should run."""
    direction: Direction | None = None
    """Null while it is unprotected."""
    power: PowerState | None = None
    """Of the machine at its source, as that site's appliance said last; null when it said nothing."""
    policy: str | None = None
    """Its replication policy; null while it is unprotected."""
    group: str | None = None
    """The replication group that it belongs to; null: none."""
    disks: tuple[Disk, ...] = ()
    """All its disks, protected or not."""
    encryption: Encryption = Encryption()
    """How its replica lies at the target."""
    replication: Replication = Replication()
    """What travels to the target now, and what lies there."""
    rpo: Rpo = Rpo()
    """How much work would be lost now."""
    points: Points = Points()
    """Its recovery points, in short."""
    journal: Journal = Journal()
    """What can be recovered beside the points."""
    failover: FailedOver | None = None
    """What it was started from; null while it runs on its own disks."""
    drill: Drill = Drill()
    """Its test failover."""
    seen_at: AwareDatetime | None = None
    """Of a machine that nobody protects, when its site cannot be asked now: when it was there (UTC)."""


class MachineQuery(Paging):
    """Which machines under protection: those that fit all that is given."""

    site: str | None = None
    """That have this site as source or target."""
    state: tuple[State, ...] = ()
    """In one of these states."""
    health: tuple[Health, ...] = ()
    """In one of these healths."""
    policy: str | None = None
    """With this policy."""
    group: str | None = None
    """Of this replication group."""


class MachinePage(Page[Machine]):
    """Machines by name."""
