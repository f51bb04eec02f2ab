"""What a vault says about itself."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime

from ...domain import lifecycle
from ...domain.access.roles import Role
from ...domain.health import Health
from ..common.base import Shape
from .errors import FindingCode
from .machines import Finding


class DatabaseKind(StrEnum):
    """The kind of database that the vault keeps its records in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Caller(Shape):
    """The caller that the vault answers."""

    token: str
    """The name of the access token."""
    roles: tuple[Role, ...]
    """The roles of the token."""
    site: str | None = None
    """The site that it is limited to; null: the whole vault."""


class Vault(Shape):
    """The control plane."""

    name: str
    """As it was named when it was made."""
    version: str
    """The version of the program that answers."""
    database: DatabaseKind
    """What it keeps its records in."""
    ca_fingerprint: str
    """sha256 of the CA's certificate in DER, 64 hex digits: compare it before you trust the CA."""
    trusted_ca_pem: str = ""
    """The CA's certificate (PEM); while the CA is being rotated two, the one that issues first."""
    ca_ends_at: AwareDatetime | None = None
    """When the CA itself ends (UTC)."""
    sites: int
    """How many sites it has."""
    appliances: int
    """How many appliances are enrolled."""
    machines: int
    """How many machines are under protection."""
    caller: Caller | None = None
    """The caller, and its rights; null: an earlier release answers."""
    backup_at: AwareDatetime | None = None
    """When its last good backup was made (UTC); null: never, as far as its audit log says."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with the vault itself. Its machines have findings of their own."""


class SiteSummary(Shape):
    """A site at a glance."""

    name: str
    """Its name."""
    appliances: int
    """How many are enrolled there."""
    connected: int
    """How many of them have a connection to the vault now."""
    sources: int
    """How many machines are replicated from it."""
    targets: int
    """How many machines are replicated to it."""


class Summary(Shape):
    """All machines under protection at a glance."""

    machines: int
    """How many there are."""
    by_state: Mapping[lifecycle.State, int]
    """How many are in which state."""
    by_health: Mapping[Health, int]
    """How many are how healthy."""
    findings: Mapping[FindingCode, int]
    """How many have which finding."""
    worst_rpo_seconds: float | None = None
    """The largest RPO of those that replicate; null: none can be recovered yet."""
    worst_rpo_machine: str | None = None
    """Whose it is, by name."""
    sites: tuple[SiteSummary, ...]
    """By name."""


class Liveness(Shape):
    """Shows that the process answers, and reveals nothing else to strangers."""

    status: Literal["ok"] = "ok"
    """Always ok: a process that is not does not answer."""


class Transition(Shape):
    """A row of the lifecycle's table: in `state`, on `trigger`, a machine goes to `next`."""

    state: lifecycle.State
    """The machine's state."""
    trigger: lifecycle.Verb | lifecycle.Event
    """A verb that a person starts, or what became of a job."""
    next: lifecycle.State
    """Where it goes."""
    by: lifecycle.Cause
    """Who causes it: a person or the service."""
    source: str
    """What asks for the row."""


class DrillTransition(Shape):
    """A row of the test failover's table."""

    state: lifecycle.DrillState
    """The test failover's state."""
    trigger: lifecycle.Verb | lifecycle.Event
    """A verb that a person starts, or what became of a job."""
    next: lifecycle.DrillState
    """Where it goes."""
    source: str
    """What asks for the row."""


class Lifecycle(Shape):
    """The table that decides what is possible in which state."""

    transitions: tuple[Transition, ...]
    """The rows of the machine itself."""
    drill: tuple[DrillTransition, ...]
    """The rows of its test failover, which is separate."""
