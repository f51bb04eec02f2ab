"""The shapes of documents, one for each kind. An unknown field is refused, so that a typing error is
noticed."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ...domain.drills.schedules import MOST_DAYS, TIME
from ...domain.drills.schedules import MOST_MACHINES as MOST_DRILLED
from ...domain.groups import MOST_MEMBERS
from ...domain.plans.actions import MOST_ACTIONS
from ...wire.common.base import SITE_NAME, Shape
from ...wire.common.cards import CardSettings, DnsServers, PoolSettings
from ...wire.common.disk_places import DiskPlace
from ...wire.common.hooks import MOST_HOOKS, MachineHook
from ...wire.common.policies import DEFAULT
from ...wire.common.properties import TargetProperties
from ...wire.common.stores import StoreName
from ...wire.rest.machine_settings import MOST_CARDS
from ...wire.rest.plans import MOST_GROUPS, MOST_HELD_SECONDS, MOST_OF_A_GOAL, PlanAction, PlanGroupChange
from ...wire.rest.verification import VerificationShape

Name = Annotated[str, Field(min_length=1, max_length=255)]


CLOSED = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Shape):
    """What every document has."""

    model_config = CLOSED


class PolicyDocument(Document):
    """A replication policy. A field that is not given has its default."""

    kind: Literal["policy"]
    """Which kind of document this is."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")
    """Letters, digits, '.', '_' and '-', at most 80."""
    rpo_threshold_seconds: int = DEFAULT.rpo_threshold_seconds
    """The age of the newest usable point from which the machine's health is a warning."""
    retention_seconds: int = DEFAULT.retention_seconds
    """How long points stay; 0: only the newest one does."""
    crash_consistent_every_seconds: int = DEFAULT.crash_consistent_every_seconds
    """From one crash-consistent point to the next."""
    app_consistent_every_seconds: int = DEFAULT.app_consistent_every_seconds
    """From one app-consistent point to the next; 0: none are made."""
    cycle_seconds: float = DEFAULT.cycle_seconds
    """Pause between two cycles."""
    journal_seconds: int = DEFAULT.journal_seconds
    """How far back every single cycle can be recovered; 0: only points can."""
    rto_goal_seconds: int = DEFAULT.rto_goal_seconds
    """How long a drill or failover may take until the machine is proven to run; 0: no goal is set."""
    encrypt: bool = DEFAULT.encrypt
    """Whether the replicas of machines that are protected by it from now on are encrypted."""


class MappingDocument(Document):
    """Machines that come from one network of a site are connected to that network of the other."""

    kind: Literal["mapping"]
    """Which kind of document this is."""
    source_site: Name
    """Where the machine comes from."""
    source_network: Name
    """Its network there."""
    target_site: Name
    """Where it is started."""
    target_network: Name
    """Its network there."""


class PairDocument(Document):
    """What holds between two sites, whichever way machines move."""

    kind: Literal["pair"]
    """Which kind of document this is."""
    first: Name
    """One of the sites."""
    second: Name
    """The other one."""
    reverse_after_commit: bool = True
    """Whether a machine that a planned failover moved between them is protected back by itself once that
    is committed."""
    settle: dict[str, DiskPlace] = Field(default_factory=dict, max_length=2)
    """By site: where the disks of a machine move by themselves that a commit has left there."""


class PoolDocument(Document, PoolSettings):
    """A pool of addresses of a site's network."""

    model_config = CLOSED

    kind: Literal["pool"]
    """Which kind of document this is."""
    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class VerificationDocument(Document, VerificationShape):
    """What a site gives to copies of recovery points that are booted only to be looked at. What is not
    given has its default."""

    model_config = CLOSED

    kind: Literal["verification"]
    """Which kind of document this is."""
    site: Name
    """The site that holds the replicas."""


class ProtectionDocument(Document):
    """A machine is protected. Its protection begins with this; nothing here ends it, and of one that has
    begun only the policy changes."""

    kind: Literal["protection"]
    """Which kind of document this is."""
    machine: Name
    """Its name; where several have it, its id."""
    source_site: Name
    """Where it ran when its protection began, or is to begin."""
    target_site: Name
    """Where its replica is made."""
    policy: str = "default"
    """Its replication policy."""
    disks: tuple[str, ...] | None = Field(None, min_length=1)
    """The keys of the disks that are protected; not given: all."""
    encrypt: bool = False
    """Whether its replica is encrypted; it is in any case if its policy says so."""
    store: StoreName | None = None
    """The store that its replica is kept in at the target; not given: the default one."""


class Card(CardSettings):
    """How one card is connected."""

    model_config = CLOSED


class CardsDocument(Document):
    """How a machine's network cards are connected at its second site, in place of the mappings."""

    kind: Literal["cards"]
    """Which kind of document this is."""
    machine: Name
    """Its name; where several have it, its id."""
    cards: tuple[Card, ...] = Field((), max_length=MOST_CARDS)
    """A card that is not named is connected by the mappings."""


class PropertiesDocument(Document, TargetProperties):
    """What a machine is to be like at its second site. What is not given is as at home."""

    model_config = CLOSED

    kind: Literal["properties"]
    """Which kind of document this is."""
    machine: Name
    """Its name; where several have it, its id."""


class HookPart(MachineHook):
    """A script that runs by itself whenever the machine has been started, or is about to be stopped."""

    model_config = CLOSED


class HooksDocument(Document):
    """The scripts that run when a machine is moved."""

    kind: Literal["hooks"]
    """Which kind of document this is."""
    machine: Name
    """Its name; where several have it, its id."""
    hooks: tuple[HookPart, ...] = Field((), max_length=MOST_HOOKS)
    """In the order in which they run."""


class GroupDocument(Document):
    """A replication group: its machines have common recovery points."""

    kind: Literal["group"]
    """Which kind of document this is."""
    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""
    source_site: Name
    """Where its machines ran when their protection began."""
    target_site: Name
    """Where their replicas were made."""
    multi_vm_every_seconds: int = Field(60, ge=5, le=86400)
    """From one common point to the next."""
    app_consistent: bool = False
    """Whether the guests' file systems are frozen for each common point."""
    machines: tuple[Name, ...] = Field((), max_length=MOST_MEMBERS)
    """All its members."""


class ActionPart(PlanAction):
    """What a person is to do before or after a group."""

    model_config = CLOSED


class PlanGroupPart(PlanGroupChange):
    """Machines that are recovered side by side."""

    model_config = CLOSED

    before: Annotated[tuple[ActionPart, ...], Field(max_length=MOST_ACTIONS)] = ()
    """In their order, before its first machine."""
    after: Annotated[tuple[ActionPart, ...], Field(max_length=MOST_ACTIONS)] = ()
    """In their order, after its last machine."""


class PlanDocument(Document):
    """A recovery plan."""

    kind: Literal["plan"]
    """Which kind of document this is."""
    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""
    groups: tuple[PlanGroupPart, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """In the order in which they are recovered."""
    rto_goal_seconds: int = Field(0, ge=0, le=MOST_OF_A_GOAL)
    """How long a run may take until its last machine is proven to run; 0: no goal."""
    commit_after_held_seconds: int = Field(0, ge=0, le=MOST_HELD_SECONDS)
    """For how long the checks of all its machines have to hold after a failover until it commits by itself:
    at least 300; 0: it never does."""


class DrillDocument(Document):
    """A schedule of test failovers, of machines or of a plan. They clean up by themselves."""

    kind: Literal["drill"]
    """Which kind of document this is."""
    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""
    machines: tuple[Name, ...] = Field((), max_length=MOST_DRILLED)
    """Which machines; or a plan."""
    plan: str | None = None
    """The name of a recovery plan."""
    every_days: int = Field(ge=1, le=MOST_DAYS)
    """From one turn to the next."""
    at: str = Field(pattern=f"^(?:{TIME.pattern})$")
    """The time of day (UTC), as HH:MM, in quotes."""
    network: str = "create"
    """An existing isolated network's name; create: a new isolated one that all machines share;
    create-each: one for each network that the machines are in at home; none: not connected."""
    subnet: str | None = None
    """With create: the network gives addresses of this IPv4 subnet."""
    dns_servers: DnsServers = ()
    """With addresses: the DNS servers that DHCP names, up to three, in place of the network's own; each in
    the subnet that it is for."""
    keep_if_failed: bool = False
    """Whether a copy whose proof failed stays."""
    paused: bool = False
    """Whether nothing is started."""


AnyDocument = (
    PolicyDocument
    | MappingDocument
    | PairDocument
    | PoolDocument
    | VerificationDocument
    | ProtectionDocument
    | CardsDocument
    | PropertiesDocument
    | HooksDocument
    | GroupDocument
    | PlanDocument
    | DrillDocument
)
KINDS: dict[str, type[AnyDocument]] = {
    "policy": PolicyDocument,
    "mapping": MappingDocument,
    "pair": PairDocument,
    "pool": PoolDocument,
    "verification": VerificationDocument,
    "protection": ProtectionDocument,
    "cards": CardsDocument,
    "properties": PropertiesDocument,
    "hooks": HooksDocument,
    "group": GroupDocument,
    "plan": PlanDocument,
    "drill": DrillDocument,
}
"""The kinds of documents in the order in which they are applied: later ones name earlier ones."""
PRUNED = ("policy", "mapping", "pool", "group", "plan", "drill")
"""Kinds that may be deleted because no document names a thing: never a machine's protection, cards,
properties or hooks, nor the settings of pairs of sites and of verification."""
Key = tuple[str, ...]


def key_of(document: AnyDocument) -> Key:
    """What identifies the thing that the document is about."""
    if isinstance(document, MappingDocument):
        return (document.kind, document.source_site, document.source_network, document.target_site)
    if isinstance(document, PairDocument):
        return (document.kind, *sorted((document.first, document.second)))
    if isinstance(document, ProtectionDocument | CardsDocument | PropertiesDocument | HooksDocument):
        return (document.kind, document.machine)
    if isinstance(document, VerificationDocument):
        return (document.kind, document.site)
    return (document.kind, document.name)


def called(key: Key) -> str:
    """The kind and the name, for sentences."""
    if key[0] == "mapping":
        return f"mapping of {key[2]} from {key[1]} to {key[3]}"
    if key[0] == "pair":
        return f"pair {key[1]} and {key[2]}"
    return f"{key[0]} {key[1]}"
