"""What a vault says about itself."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime

from ...domain import lifecycle
from ..common.base import Shape


class DatabaseKind(StrEnum):
    """The kind of database that the vault keeps its records in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


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


class Liveness(Shape):
    """Shows that the process answers, and tells strangers nothing else."""

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
