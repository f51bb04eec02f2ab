"""Machines of the sites, and those under protection."""

from enum import StrEnum

from pydantic import AwareDatetime, ConfigDict, Field

from ...domain.health import Health, Severity
from ...domain.lifecycle import State, Verb
from ..common.base import Shape
from ..common.machines import PowerState
from ..common.numbers import LONGEST_NAME
from ..common.points import PointShape
from ..common.properties import TargetProperties
from .errors import FindingCode, Page, Paging
from .failovers import BootedPoint, CurrentFailover, Drill
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
    system: bool | None = None
    """Whether the machine boots from it; null: its definition does not say which disk it boots from."""


class Finding(Shape):
    """Something that is wrong with a machine."""

    code: FindingCode
    """The kind of finding, for scripts."""
    severity: Severity
    """How bad it is."""
    what: str
    """What was found."""
    cause: str
    """Its likely cause."""
    do: str
    """The recommended action."""
    since: AwareDatetime
    """Since when (UTC)."""
    said_by: str | None = None
    """The appliance that reported the finding, in its own words; null: the vault found it."""


class Encryption(Shape):
    """How the machine's replica is stored at the target."""

    wanted: bool = False
    """Whether new replicas are encrypted; if the machine returns to its own old disks, these stay as they
    are."""
    key_id: str | None = None
    """The key that the present replica is encrypted with; null: it is not encrypted."""


class ReplicaPlace(Shape):
    """Where the machine's replica is kept at its target; `target_appliance` says by which appliance."""

    host: str | None = None
    """The name of the host that the target's appliance runs on; null: an older appliance."""
    store: str | None = None
    """The name of the store that the replica is in, as the appliance reports it; null: it has not yet."""
    wanted: str | None = None
    """The store that was asked for at the machine's second site; null: the default one."""


class Points(Shape):
    """A summary of the machine's recovery points."""

    count: int = 0
    """How many there are."""
    newest: PointShape | None = None
    """The newest one that is not damaged; null if there is none."""


class RefusedOperation(Shape):
    """A verb that would not succeed now."""

    operation: Verb
    """The verb."""
    why: str
    """What stands in its way."""
    do: str
    """What to do about it."""


class GuestAddresses(Shape):
    """IPv4 addresses of a machine, after a verb had started it."""

    addresses: tuple[str, ...]
    """With their prefixes, as far as its guest agent, or a DHCP server of its hypervisor, told."""
    site: str
    """Where it runs."""
    at: AwareDatetime
    """When they were seen (UTC)."""


class Machine(Shape):
    """A machine of a site, protected or not."""

    id: str
    """The vault's id if it is protected, else the hypervisor's."""
    name: str
    """As the hypervisor has it."""
    state: State
    """Its state in the lifecycle."""
    health: Health
    """The worst of its findings."""
    findings: tuple[Finding, ...] = ()
    """Everything that is wrong with it, oldest first."""
    allowed_operations: tuple[Verb, ...]
    """The verbs that can be started now, as far as is known."""
    refused_operations: tuple[RefusedOperation, ...] = ()
    """The other verbs, with what is in the way of each; empty for a machine that is not protected."""
    job_id: str | None = None
    """The job that has the machine now, if any."""
    source_site: str
    """The site that it is replicated from; reprotect swaps source and target."""
    target_site: str | None = None
    """Where its replica is; null while it is unprotected."""
    source_appliance: str | None = None
    """The name of the appliance that replicates it, one of those of its source site; null while it is
    unprotected."""
    target_appliance: str | None = None
    """The name of the appliance that holds its replica; null while it is unprotected."""
    active_site: str
    """The site where it runs, or should run."""
    direction: Direction | None = None
    """Away from home, or home; null while it is unprotected."""
    power: PowerState | None = None
    """Its power at its source, as that site's appliance last reported it; null if it never did."""
    policy: str | None = None
    """Its replication policy; null while it is unprotected."""
    group: str | None = None
    """The replication group that it belongs to; null: none."""
    disks: tuple[Disk, ...] = ()
    """All its disks, protected or not."""
    encryption: Encryption = Encryption()
    """How its replica is stored at the target."""
    kept: ReplicaPlace = ReplicaPlace()
    """Where its replica is kept at the target."""
    replication: Replication = Replication()
    """What is being sent to the target now, and what is stored there."""
    rpo: Rpo = Rpo()
    """How much work would be lost now."""
    points: Points = Points()
    """A summary of its recovery points."""
    journal: Journal = Journal()
    """What can be recovered besides the points."""
    failover: CurrentFailover | None = None
    """What it was started from; null while it runs on its own disks."""
    drill: Drill = Drill()
    """Its test failover."""
    booted: BootedPoint | None = None
    """The last copy of one of its points that was booted only to be looked at; null: none was."""
    addresses: GuestAddresses | None = None
    """The guest's addresses where the machine runs, as seen after its start there; null: none were seen, for
    instance because it was never moved."""
    second_site: TargetProperties | None = None
    """What is set for its second site; null if nothing is, and in lists."""
    seen_at: AwareDatetime | None = None
    """For an unprotected machine whose site cannot be asked now: when it was last seen there (UTC)."""
    generation: int = 0
    """Rises with every verb that moves it, or changes what it is started from."""
    drill_generation: int = 0
    """Rises with every test failover and every clean-up."""


class MachineSort(StrEnum):
    """What lists of machines are sorted by. Machines that have nothing of it come last."""

    NAME = "name"
    STATE = "state"
    HEALTH = "health"
    RPO = "rpo"
    SOURCE_SITE = "source_site"
    TARGET_SITE = "target_site"
    POLICY = "policy"
    GROUP = "group"
    POINTS = "points"
    STORED_BYTES = "stored_bytes"
    DRILLED_AT = "drilled_at"


class MachineSelection(Shape):
    """Which protected machines: those that match everything given; and their order. A filter that is not
    known is refused."""

    # As in `Paging`.
    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    search: str | None = Field(None, max_length=LONGEST_NAME)
    """With this text in their names, in capitals or not."""
    site: str | None = None
    """That have this site as source or target."""
    state: tuple[State, ...] = ()
    """In one of these states."""
    health: tuple[Health, ...] = ()
    """With one of these healths."""
    finding: tuple[FindingCode, ...] = ()
    """With one of these findings."""
    policy: str | None = None
    """With this policy."""
    group: str | None = None
    """Of this replication group."""
    sort: MachineSort = MachineSort.NAME
    """What they are sorted by, then by name. By health the best come first, by RPO the smallest."""
    descending: bool = False
    """The other way round."""


class MachineQuery(MachineSelection, Paging):
    """Which protected machines, in which order, and which part of the list."""


class MachinePage(Page[Machine]):
    """Machines in the order that was asked for."""
