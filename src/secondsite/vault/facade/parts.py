"""What every noun of the facade is built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ...domain.lifecycle import Verb
from ...jobs.definitions import Catalogue
from .. import ports
from ..operations.interface import Operation
from ..steps.deps import Deps
from ..watch.facts import Facts
from ..watch.switchboard import Switchboard


class Jobs(Protocol):
    """The job engine, as far as a person may drive it."""

    def cancel(self, session: Any, job_id: str) -> None: ...
    def retry(self, session: Any, job_id: str) -> None: ...


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
    facts: Facts
    switchboard: Switchboard
    jobs: Jobs
    catalogue: Catalogue
    operations: Mapping[Verb, Operation]
    deps: Deps
    about: About
    now: Callable[[], datetime]
