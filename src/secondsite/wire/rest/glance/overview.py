"""The whole vault at a glance: what needs somebody now, how fresh and how ready everything is. Of bounded
size, however many machines there are."""

from collections.abc import Mapping

from pydantic import AwareDatetime

from ....domain.health import Health, Severity
from ....domain.lifecycle import State
from ...common.base import Shape
from ..access.approvals import Approval
from ..errors import FindingCode
from ..machines import Finding
from .job_rows import KnownJobRow


class NamedMachine(Shape):
    """A machine."""

    id: str
    """The vault's id."""
    name: str
    """As the hypervisor has it."""


class Need(Shape):
    """A finding, and the machines that have it."""

    code: FindingCode
    """The kind of finding: `GET /api/machine-rows?finding=` gives all its machines."""
    severity: Severity
    """How bad it is."""
    count: int
    """How many machines have it."""
    machines: tuple[NamedMachine, ...]
    """The first three of them, by name."""
    example: Finding
    """The finding of the first of them, with what to do next."""


class MachineAge(NamedMachine):
    """A machine and how much of its work would be lost."""

    seconds: float
    """Its RPO now."""
    goal_seconds: int | None = None
    """The RPO threshold of its policy."""


class RpoOverview(Shape):
    """How fresh the machines that replicate are."""

    replicating: int
    """How many replicate."""
    within_goal: int
    """How many have a smaller RPO than their policy's threshold."""
    beyond_goal: int
    """How many have a larger one."""
    unknown: int
    """How many have no usable point yet."""
    worst: tuple[MachineAge, ...]
    """The ten with the largest RPO, measured by their thresholds."""


class Readiness(Shape):
    """How sure it is that a failover will work."""

    protected: int
    """How many machines are protected: all that follows is of them."""
    never_drilled: int
    """How many had no test failover yet."""
    drilled_long_ago: int
    """How many had their last one too long ago."""
    drill_failed: int
    """Of how many the last one failed."""
    drifted: int
    """How many are no longer as they were in the last one that passed."""
    last_good_drill_at: AwareDatetime | None = None
    """When the last test failover that passed ended, of whatever machine (UTC); null: none is known."""
    oldest_good_drill_at: AwareDatetime | None = None
    """The oldest of the machines' last ones that passed (UTC); null: none is known."""
    rto_goals: int
    """How many have a policy with a goal for the recovery time."""
    rto_met: int
    """How many of these met it in their last drill or failover."""
    rto_missed: int
    """How many of these did not."""
    rto_unknown: int
    """How many of these were never recovered."""


class JobsOverview(Shape):
    """What is under way."""

    at_work: int
    """How many jobs are in progress, those that others started included; of more than 500 the newest 500."""
    newest: tuple[KnownJobRow, ...]
    """The newest 20 that a person started, or the vault by itself."""
    waiting: tuple[KnownJobRow, ...]
    """The first 20 that wait for a person: a task asks, or the job is held."""


class StoreForecast(Shape):
    """A store, and when it will be full."""

    appliance: str
    """The name of its appliance."""
    site: str
    """The appliance's site."""
    store: str
    """The store's name."""
    free_bytes: int | None = None
    """Free space of its file system; null: it cannot be read."""
    size_bytes: int | None = None
    """The size of its file system; null: it cannot be read."""
    problem: str | None = None
    """Why nothing can be kept there now; null: it is in order."""
    full_at: AwareDatetime | None = None
    """When it will be full if it goes on as in the last days (UTC); null: it does not fill within a year, or
    that is not known: the vault's process has to hear of it for six hours."""


class SiteNode(Shape):
    """A site in the drawing of what replicates where."""

    name: str
    """Its name."""
    appliances: int
    """How many are enrolled there."""
    connected: int
    """How many of them have a connection to the vault now."""
    active: int
    """How many protected machines run there, or should run."""


class SiteEdge(Shape):
    """What is replicated from one site to another."""

    source_site: str
    """From where."""
    target_site: str
    """To where."""
    machines: int
    """How many machines."""
    stored_bytes: int
    """What their replicas and points take at the target."""
    by_health: Mapping[Health, int]
    """How many of them are how healthy."""
    worst_rpo_seconds: float | None = None
    """The largest RPO of those that replicate; null: none can be recovered yet."""


class Overview(Shape):
    """The whole vault at a glance."""

    at: AwareDatetime
    """The vault's time (UTC)."""
    mark: str
    """As `GET /api/machine-rows` gives it."""
    machines: int
    """How many are under protection."""
    by_state: Mapping[State, int]
    """How many are in which state."""
    by_health: Mapping[Health, int]
    """How many are how healthy."""
    needs: tuple[Need, ...]
    """What is wrong with machines, the worst first; the first 30 kinds."""
    vault_findings: tuple[Finding, ...]
    """What is wrong with the vault itself; none for a token of one site."""
    away: tuple[str, ...]
    """The names of the first 100 appliances that have no connection to the vault now."""
    approvals: tuple[Approval, ...]
    """The first 20 requests that wait for a second person."""
    jobs: JobsOverview
    """What is under way."""
    rpo: RpoOverview
    """How fresh everything is."""
    readiness: Readiness
    """How sure it is that a failover will work."""
    stores: tuple[StoreForecast, ...]
    """The 100 stores that are full soonest; those with a problem first."""
    sites: tuple[SiteNode, ...]
    """By name."""
    edges: tuple[SiteEdge, ...]
    """What is replicated from which site to which."""
