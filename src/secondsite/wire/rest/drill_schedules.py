"""Schedules of test failovers."""

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from ...domain.drills.schedules import MOST_DAYS, MOST_MACHINES, TIME
from ...ground.job_states import JobState
from ..common.base import SITE_NAME, Editable, Shape
from ..common.cards import DnsServers
from .errors import Page


class DrillScheduleChange(Shape):
    """The new settings of a schedule: all of them."""

    machines: tuple[str, ...] = Field((), max_length=MOST_MACHINES)
    """By name or id; or a plan. One whose protection has ended may stay."""
    plan: str | None = None
    """The name of a recovery plan: its machines as they are then."""
    every_days: int = Field(ge=1, le=MOST_DAYS)
    """From one turn to the next."""
    at: str = Field(pattern=f"^(?:{TIME.pattern})$")
    """The time of day (UTC), as HH:MM."""
    network: str = "create"
    """An existing isolated network's name; create: a new isolated one that all machines share;
    create-each: one for each network that the machines are in at home; none: not connected."""
    subnet: str | None = None
    """With create: the network gives addresses of this IPv4 subnet (10.9.0.0/24) by DHCP, and resolves the
    machines' names."""
    dns_servers: DnsServers = ()
    """With addresses: the DNS servers that DHCP names, up to three, in place of the network's own; each in
    the subnet that it is for."""
    keep_if_failed: bool = False
    """Whether a copy whose proof failed stays until somebody has looked at it."""
    paused: bool = False
    """Whether nothing is started, until this is false again."""


class DrillScheduleCreate(DrillScheduleChange):
    """A new schedule."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class ScheduledMachine(Shape):
    """A machine of a schedule."""

    id: str
    """The schedule holds machines by their ids."""
    name: str
    """Its name; of one whose protection ended, its former name."""


class LastDrill(Shape):
    """What a schedule started last."""

    job_id: str
    """The job."""
    started_at: AwareDatetime
    """When (UTC)."""
    state: JobState | None = None
    """Its state; null: the job was deleted."""


class DrillSchedule(Editable):
    """Test failovers that the vault starts by itself, and that clean up by themselves."""

    name: str
    """Its name in all calls."""
    machines: tuple[ScheduledMachine, ...] = ()
    """Which machines; none: those of the plan."""
    plan: str | None = None
    """Which recovery plan."""
    every_days: int
    """From one turn to the next."""
    at: str
    """The time of day (UTC), as HH:MM."""
    network: str
    """An existing isolated network's name; create: a new isolated one that all machines share;
    create-each: one for each network that the machines are in at home; none: not connected."""
    subnet: str | None = None
    """The subnet of the network that is created."""
    dns_servers: tuple[str, ...] = ()
    """The DNS servers that DHCP names there, in place of the network's own."""
    keep_if_failed: bool = False
    """Whether a copy whose proof failed stays."""
    paused: bool = False
    """Whether nothing is started."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    changed_at: AwareDatetime
    """When somebody changed it last (UTC)."""
    next_at: AwareDatetime | None = None
    """When its next turn is (UTC); null: it is paused."""
    last: LastDrill | None = None
    """What it started last."""
    said: str = ""
    """What was in the way of its last turn, or of some of its machines; empty: nothing."""
    said_at: AwareDatetime | None = None
    """Since when that has been so (UTC)."""

    def edited(self) -> Mapping[str, object]:
        goes = {"next_at": True, "last": True, "said": True, "said_at": True}
        return self.model_dump(mode="json", exclude={**goes, "machines": {"__all__": {"name"}}})


class DrillSchedulePage(Page[DrillSchedule]):
    """Schedules, by name."""
