"""What the two appliances of a machine report about it."""

from typing import Annotated

from pydantic import Field

from ...domain.machines import connecting
from ..common.base import Shape
from ..common.cards import MOST_CARDS, MOST_VLAN
from ..common.findings import FindingShape
from ..common.machines import MachineDefinition, NicDefinition
from ..common.numbers import BoundedTuple, Bytes, Instant, Name, Number, Text
from ..common.points import JournalStretch, PointShape
from ..common.sync_mode import SyncMode

MOST_FINDINGS = 200
MOST_POINTS = 20_000
MOST_LINES = 32


class SeenCard(Shape):
    """A network card as a NicDefinition has it, bounded."""

    key: Name
    mac: Name
    network: Name | None = None
    model: Name = "virtio"
    vlans: Annotated[tuple[Number, ...], BoundedTuple(MOST_VLAN)] = ()


class SeenHardware(Shape):
    """What the vault's record of a machine follows, because verbs decide by it."""

    vcpus: Number
    memory_bytes: Bytes
    cards: Annotated[tuple[SeenCard, ...], BoundedTuple(MOST_CARDS)]

    def in_place(self, of: MachineDefinition) -> MachineDefinition:
        """The definition with this hardware."""
        nics = tuple(NicDefinition(**dict(card)) for card in self.cards)
        return of.model_copy(update={"vcpus": self.vcpus, "memory_bytes": self.memory_bytes, "nics": nics})


class SeenLine(Shape):
    """Whether a line of those that let somebody connect holds."""

    line: Name
    holds: bool


class SeenInside(Shape):
    """What an agent saw in a machine of what lets somebody connect after a failover. `at`: when; None: none
    looked. `system`: linux, windows or unknown."""

    system: Name = connecting.System.UNKNOWN.value
    at: Instant | None = None
    lines: Annotated[tuple[SeenLine, ...], BoundedTuple(MOST_LINES)] = ()

    @classmethod
    def of(cls, sight: connecting.Sight) -> "SeenInside":
        """The same for the wire."""
        lines = tuple(SeenLine(line=line, holds=holds) for line, holds in (sight.lines or {}).items())
        return cls(system=sight.system, at=sight.at, lines=lines)

    def sight(self) -> connecting.Sight:
        """The same for decisions; lines and systems of a newer appliance are not known here."""
        known = {each.value for each in connecting.Line}
        lines = {connecting.Line(each.line): each.holds for each in self.lines if each.line in known}
        systems = {each.value: each for each in connecting.System}
        return connecting.Sight(systems.get(self.system, connecting.System.UNKNOWN), self.at, lines)


class SourceStatus(Shape):
    """A machine as its source appliance sees it. `sync_fraction` is 0..1 during a pass over whole disks,
    else None. `sent_at` is the instant (UTC) of the newest cycle that is durable at the target."""

    machine_id: Annotated[str, Field(max_length=128)]
    epoch: Number
    power: Annotated[str, Field(max_length=64)]
    running: bool
    """True while the replication loop is on."""
    fenced: bool = False
    """Whether the appliance keeps the machine from starting here, because it was failed over."""
    all_sent: bool = False
    """Whether the machine is off and the target has everything that it wrote. A machine that was turned off
    while the target could not be reached is off too, but what it wrote last was not sent."""
    last_seq: Number | None = None
    sent_at: Instant | None = None
    sync_mode: SyncMode | None = None
    sync_fraction: float | None = None
    sync_seconds_left: float | None = None
    """How long that pass will take at its pace so far; None before that is known, or an older appliance."""
    view: Name | None = None
    """The kind of its last view while it ran; None: none yet, one kind only, or an older appliance."""
    view_reason: Text | None = None
    """Why it is not of the kind that is preferred."""
    last_cycle_seconds: float | None = None
    last_cycle_changed_bytes: Bytes | None = None
    last_cycle_wire_bytes: Bytes | None = None
    total_wire_bytes: Bytes = 0
    findings: Annotated[tuple[FindingShape, ...], BoundedTuple(MOST_FINDINGS)] = ()
    on_since: Instant | None = None
    """When it was first seen on after it had been seen off; None: it was on when its appliance looked
    first, it is off, or an older appliance."""
    hardware: SeenHardware | None = None
    """What it had at its newest point; None: it has none yet, more than fits here, or an older appliance."""
    rolling_fraction: float | None = None
    """How much of its disks the running pass of the rolling scan has compared, 0..1; None where there is
    none, or an older appliance."""
    rolled_at: Instant | None = None
    """When the last whole pass of it ended."""
    inside: SeenInside | None = None
    """What an agent in it saw; None: there is none, or an older appliance."""


class OldCopyStatus(Shape):
    """A definition of a machine that is not replicated from here: its old copy, which an undone reprotect
    left, or what stayed when it was migrated to another host. `fenced`: it must not start here."""

    machine_id: Annotated[str, Field(max_length=128)]
    power: Annotated[str, Field(max_length=64)]
    on_since: Instant | None = None
    """When it was first seen on; None as for a source."""
    fabric_id: Annotated[str, Field(max_length=128)] = ""
    """Its id here; empty from an older appliance."""
    fenced: bool = False


class ArrivalStatus(Shape):
    """A machine that runs here, carries our mark, and is not replicated from here: it may have come by live
    migration. The vault, which knows where it was, decides what that means."""

    machine_id: Annotated[str, Field(max_length=128)]
    fabric_id: Annotated[str, Field(max_length=128)]


class ReplicaStatus(Shape):
    """A machine as its target appliance sees it. `processed_at` is the instant of the newest cycle that is
    applied, `inbox_bytes` what waits to be processed, `journal` what can be recovered besides the points.
    `synchronized` becomes true with the first sealed point of the epoch. `encryption_key_id` names the key
    that the replica is encrypted with; None: it is not encrypted."""

    machine_id: Annotated[str, Field(max_length=128)]
    epoch: Number
    accepting: bool
    synchronized: bool
    points: Annotated[tuple[PointShape, ...], BoundedTuple(MOST_POINTS)] = ()
    journal: Annotated[tuple[JournalStretch, ...], BoundedTuple(MOST_POINTS)] = ()
    journal_bytes: Bytes = 0
    processed_seq: Number | None = None
    processed_at: Instant | None = None
    inbox_bytes: Bytes = 0
    store_bytes: Bytes = 0
    runs: Annotated[tuple[Name, ...], BoundedTuple(MOST_FINDINGS)] = ()
    encryption_key_id: Name | None = None
    store: Annotated[str, Field(max_length=64)] | None = None
    """The name of the store that it is in; None: an older appliance."""
    findings: Annotated[tuple[FindingShape, ...], BoundedTuple(MOST_FINDINGS)] = ()
    power: Annotated[str, Field(max_length=64)] | None = None
    """That of the machine that was failed over onto it, as last seen at that host; None: none was, it was not
    seen, or an older appliance."""
