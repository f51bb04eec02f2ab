"""What every noun of the facade is built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ...domain.lifecycle import Verb
from ...jobs.model.definitions import Catalogue
from ...jobs.storage.database import Session
from .. import ports
from ..operations.interface import Operation
from ..steps.deps import Deps
from ..watch.signals import Signals
from ..watch.status_intake import StatusIntake
from .callers import THE_VAULT, Caller, Uses


class Changes(Protocol):
    """Tells of jobs that have changed."""

    def follow(self, told: Callable[[str | None], None]) -> None: ...


class Jobs(Protocol):
    """The job engine, as far as a person may drive and follow it."""

    @property
    def changes(self) -> Changes: ...
    def cancel(self, session: Session, job_id: str) -> None: ...
    def retry(self, session: Session, job_id: str) -> None: ...
    def resume(self, session: Session, job_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class About:
    """What this vault is: shown by `vault show`, and where appliances dial."""

    name: str
    version: str
    database: str
    control_url: str


@dataclass(frozen=True, slots=True)
class Parts:
    store: ports.Store
    gateway: ports.Gateway
    authority: ports.Authority
    facts: StatusIntake
    signals: Signals
    jobs: Jobs
    catalogue: Catalogue
    operations: Mapping[Verb, Operation]
    deps: Deps
    about: About
    now: Callable[[], datetime]
    uses: Uses = field(default_factory=Uses)
    caller: Caller = THE_VAULT

    def sees(self, *sites: str | None) -> bool:
        """Whether something of these sites is in the caller's scope."""
        return self.caller.grant.sees(*sites)
