"""The record of a machine under protection, and its table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from ....domain.drills.verdicts import Verdict
from ....domain.drills.ways import DrillPass, DrillVisit
from ....domain.lifecycle import DrillState, State, Verb
from ....domain.machines import platforms
from ....wire.common.cards import CardSettings
from ....wire.common.hooks import MachineHook
from ....wire.common.machines import MachineDefinition
from ....wire.common.numbers import LONGEST_NAME
from ....wire.common.points import RollForward
from ....wire.common.properties import TargetProperties
from ....wire.common.stores import LeftDisks, Placement
from ..sql.columns import ShapeColumn, UtcDateTime, Word, metadata


@dataclass(frozen=True, slots=True)
class ProvenRecord:
    """The state of the machine when its last good test failover ended: its definition in the point that was
    drilled, the settings for its second site, its place in plans, by their names, and its hooks; an older
    vault did not keep these."""

    at: datetime
    definition: MachineDefinition
    properties: TargetProperties
    cards: tuple[CardSettings, ...] = ()
    plans: Mapping[str, int] = field(default_factory=dict)
    hooks: tuple[MachineHook, ...] | None = None


@dataclass(frozen=True, slots=True)
class DriftRecord:
    """What differs from the last good test failover, as sentences; first found at `since`."""

    since: datetime
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrillRecord:
    """The open test failover: its point (rolled forward by `forward`), its machine at the target, and the
    network that was made for it; with `shared` for all machines of that test failover. `proven`: the verdict
    of its proof, None without one."""

    point_id: str
    fabric_id: str
    machine_name: str
    network: str | None
    network_made: bool
    started_at: datetime
    job_id: str
    forward: RollForward | None = None
    shared: str | None = None
    proven: Verdict | None = None
    definition: MachineDefinition | None = None
    """The machine's definition in that point, without the platform's own description; None: an older
    appliance did not report it."""
    passes: tuple[DrillPass, ...] = ()
    """Who may come in. They end with the drill."""
    visits: tuple[DrillVisit, ...] = ()
    """Who came in, oldest first; the last ones only."""


@dataclass(frozen=True, slots=True)
class WarnedRecord:
    """The warnings of a prerequisites check, and when: sentences, each with what to do."""

    at: datetime
    sentences: tuple[str, ...]
    of_power: Mapping[str, str] = field(default_factory=dict)
    """Warnings that hold only while the power state of the machine's source is the key, such as saved."""


@dataclass(frozen=True, slots=True)
class RecoveredRecord:
    """The last drill or failover that started the machine: it ended `at`, and took so many seconds from when
    it was asked for until the machine was proven to run, or, if that was not seen, until it was started."""

    at: datetime
    verb: Verb
    seconds: float


@dataclass(frozen=True, slots=True)
class BootedRecord:
    """The last copy of a point that was booted only to be looked at. `looked_at`: when one was last looked
    at; `tried_at`: when one since then could not be, for the reason `said`. `verdict`: what the last look
    proved, None: nothing."""

    point_id: str
    job_id: str
    said: str
    verdict: Verdict | None = None
    looked_at: datetime | None = None
    tried_at: datetime | None = None
    usable_point: str | None = None
    """The older point that was booted after it, and was usable."""


@dataclass(frozen=True, slots=True)
class AddressesRecord:
    """The addresses that the machine's guest, or a DHCP server, reported at the time `at`, at the `site`
    where a verb had started it."""

    at: datetime
    site: str
    addresses: tuple[str, ...]
    not_given: tuple[str, ...] = ()
    """Addresses that its cards should have had and lack, each in a sentence; an older vault recorded none."""
    passing: tuple[str, ...] = ()
    """Addresses that its cards have until its guest's next boot only, each in a sentence; an older vault
    recorded none."""
    not_restored: tuple[str, ...] = ()
    """What of its guest's own network configuration was not put back at home, each in a sentence; an older
    vault recorded none."""


@dataclass(frozen=True, slots=True)
class NamesRecord:
    """The machine's DNS names: `problems` of names that may not point to it, by name, since `at`; what others
    pointed to at `home` before they were changed (None: nothing)."""

    at: datetime
    problems: Mapping[str, str]
    home: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class MachineRecord:
    """A protected machine. `source_...` and `target_...` are the present roles: reprotect swaps them, or goes
    on to a further site.

    `epoch` rises with every new replica and every reprotect. `home_site` is where the machine was when it was
    enabled; it may be neither of the two. `source_fabric_id`/`target_fabric_id` name the machine at each
    site. `failed_over_point_id` is set from failover until the next reprotect; with `failed_over_forward`
    that point was rolled forward. `version` guards against lost updates.
    """

    id: str
    name: str
    home_site: str
    source_site: str
    target_site: str
    source_appliance_id: str
    target_appliance_id: str
    source_fabric_id: str
    target_fabric_id: str
    policy: str
    definition: MachineDefinition
    disks: tuple[str, ...]
    state: State
    created_at: datetime
    drill_state: DrillState = DrillState.NONE
    drill: DrillRecord | None = None
    epoch: int = 1
    failed_over_point_id: str | None = None
    failed_over_at: datetime | None = None
    failed_over_forward: RollForward | None = None
    job_id: str | None = None
    version: int = 0
    group: str | None = None
    """The name of its replication group."""
    encrypted: bool = False
    """Whether new replicas of it are encrypted, with a key that the vault does not know."""
    generation: int = 0
    """Rises with every verb that claims the machine; its orders carry the number."""
    claimed_by: str | None = None
    """The job that claimed the machine last, even if it has ended: no earlier one may act. None: before
    generations."""
    came_from: State | None = None
    """The state in which that job found the machine."""
    start_ordered: bool = False
    """Whether the target was told, in this failover, to start the machine: it may run there."""
    drill_generation: int = 0
    """Rises with every test failover and every clean-up; their orders carry the number."""
    drill_claimed_by: str | None = None
    """The job of the last test failover or clean-up. None: before drills had numbers."""
    drilled_at: datetime | None = None
    """When the last test failover was cleaned up. None: none was, or an older vault did not record it."""
    drill_failed_at: datetime | None = None
    """When the last test failover with a verdict failed. None: it passed, or none had one."""
    warned: WarnedRecord | None = None
    """The warnings of the last prerequisites check of protection or of a move."""
    keeping: Mapping[str, Placement] = field(default_factory=dict)
    """Where a replica is kept at each site, as it was asked for, and what was left at further ones. None
    for a site: where the appliance keeps replicas by default."""
    names: NamesRecord | None = None
    """The state of its DNS names. None: none was ever changed."""
    recovered: RecoveredRecord | None = None
    """How long its last drill or failover took. None: there was none, or an older vault did not record it."""
    coming_appliance_id: str | None = None
    """The appliance of the present reprotect, or of the last one. None: the one that had the machine, or the
    reprotect has succeeded."""
    booted: BootedRecord | None = None
    """The last copy of one of its points that was booted only to be looked at. None: none was."""
    proven_as: ProvenRecord | None = None
    """Its state at its last good test failover. None: there was none, or an older vault did not record it."""
    drift: DriftRecord | None = None
    """What differs from that now. None: nothing, as far as was checked."""
    seen_addresses: AddressesRecord | None = None
    """The addresses where a verb last started it. None: none were seen."""

    @property
    def kept(self) -> Placement:
        """Where its replica is kept at its target."""
        return self.keeping.get(self.target_site, Placement())

    @property
    def left_out(self) -> tuple[str, ...]:
        """Disks that the machine had when its disks were last chosen, but that were not chosen."""
        return tuple(disk.key for disk in self.definition.disks if disk.key not in self.disks)

    @property
    def left(self) -> Mapping[str, LeftDisks]:
        """By site, what it left at sites that are neither of its two now."""
        return {site: each.left for site, each in self.keeping.items() if each.left is not None}

    @property
    def reversed(self) -> bool:
        """True while it is protected back towards its home site."""
        return self.target_site == self.home_site

    @property
    def is_away(self) -> bool:
        """True while its source is another site than its home: it is protected home, or on to a further
        site."""
        return self.source_site != self.home_site

    @property
    def hypervisor_at_source(self) -> bool:
        """Whether a hypervisor has it at its source; a server at its home site has none."""
        return self.is_away or platforms.has_hypervisor(self.definition.fabric_kind)

    @property
    def hypervisor_at_target(self) -> bool:
        return not self.reversed or platforms.has_hypervisor(self.definition.fabric_kind)


@dataclass(frozen=True, slots=True)
class MachinePlace:
    """The few columns of a machine that are read every few seconds."""

    id: str
    state: State
    source_appliance_id: str
    target_appliance_id: str
    job_id: str | None
    generation: int = 0
    drill_generation: int = 0


@dataclass(frozen=True, slots=True)
class MachineFilter:
    """A query for machines that match all given fields. Each of `sites` is a machine's source or target."""

    sites: frozenset[str] = frozenset()
    states: frozenset[State] = frozenset()
    policy: str | None = None
    group: str | None = None


class SeenNumbers(NamedTuple):
    """The highest numbers of a machine, and of its drills, that an appliance reported; 0 if none did."""

    generation: int
    drill_generation: int


MACHINES = Table(
    "machines",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("home_site", ForeignKey("sites.name"), nullable=False),
    Column("source_site", ForeignKey("sites.name"), nullable=False),
    Column("target_site", ForeignKey("sites.name"), nullable=False),
    # No foreign keys here: an appliance may be lost and replaced while its machines stay protected.
    Column("source_appliance_id", String(64), nullable=False),
    Column("target_appliance_id", String(64), nullable=False),
    Column("source_fabric_id", String(LONGEST_NAME), nullable=False),
    Column("target_fabric_id", String(LONGEST_NAME), nullable=False),
    Column("policy", ForeignKey("policies.name"), nullable=False),
    Column("definition", ShapeColumn(MachineDefinition), nullable=False),
    Column("disks", ShapeColumn(tuple[str, ...]), nullable=False),
    Column("state", Word(State), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("drill_state", Word(DrillState), nullable=False),
    Column("drill", ShapeColumn(DrillRecord)),
    Column("epoch", BigInteger, nullable=False),
    Column("failed_over_point_id", String(LONGEST_NAME)),
    Column("failed_over_at", UtcDateTime),
    Column("job_id", String(64)),
    Column("version", Integer, nullable=False),
    Column("group", ForeignKey("groups.name")),
    Column("failed_over_forward", ShapeColumn(RollForward)),
    Column("encrypted", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("claimed_by", String(64)),
    Column("came_from", Word(State)),
    Column("start_ordered", Boolean, nullable=False),
    Column("drill_generation", BigInteger, nullable=False),
    Column("drill_claimed_by", String(64)),
    Column("drilled_at", UtcDateTime),
    Column("drill_failed_at", UtcDateTime),
    Column("warned", ShapeColumn(WarnedRecord)),
    Column("names", ShapeColumn(NamesRecord)),
    Column("keeping", ShapeColumn(dict[str, Placement]), nullable=False),
    Column("recovered", ShapeColumn(RecoveredRecord)),
    Column("coming_appliance_id", String(64)),
    Column("booted", ShapeColumn(BootedRecord)),
    Column("proven_as", ShapeColumn(ProvenRecord)),
    Column("drift", ShapeColumn(DriftRecord)),
    Column("seen_addresses", ShapeColumn(AddressesRecord)),
    UniqueConstraint("source_site", "source_fabric_id", name="uq_machines_source"),
    # Everything that a page is ordered and filtered by: its machines are found here, without their rows.
    # One index, because every change of a machine writes all of them.
    Index(
        "ix_machines_page", "name", "id", "version", "state", "policy", "group", "source_site", "target_site"
    ),
    Index("ix_machines_group", "group"),
)
