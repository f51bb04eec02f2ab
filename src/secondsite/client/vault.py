"""A vault, as a program reaches it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ..wire import rest
from ..wire.rest.access.reports import Report
from ..wire.rest.glance.live import LiveBatch
from ..wire.rest.glance.overview import Overview
from ..wire.rest.predictions import Capacity, CapacityQuery
from ..wire.rest.validation import Validation
from . import which_vault
from .connection import Connection, path
from .following import follow
from .nouns.access.approvals import Approvals
from .nouns.access.audit import Audit
from .nouns.access.evidence import Evidences
from .nouns.access.people import People
from .nouns.access.providers import Providers
from .nouns.access.sessions import Sessions
from .nouns.access.tokens import Tokens
from .nouns.appliances import Appliances
from .nouns.drills import DrillSchedules
from .nouns.groups import Groups
from .nouns.jobs import Jobs
from .nouns.machines import Machines
from .nouns.mappings import Mappings, Networks, Pairs
from .nouns.notices import NoticeTargets
from .nouns.plans import Plans
from .nouns.policies import Policies
from .nouns.pools import Pools
from .nouns.sites import Sites


def connect(url: str | None = None, token: str | None = None, ca: Path | str | None = None) -> "Vault":
    """The vault at `url` (https), with an access token and the PEM file of its CA. What is not given is
    taken from SECONDSITE_URL, SECONDSITE_TOKEN, SECONDSITE_CA, or the `client.json` that SECONDSITE_CLIENT
    names, as the command line does. Nothing is asked yet. Raises InvalidArgument or Unauthenticated naming
    what is missing."""
    found = which_vault.find(url, token, ca)
    return Vault(Connection(found.url, found.token, found.ca))


class Vault:
    """The control plane. A context manager that closes its connection; may be used by several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sites = Sites(connection)
        self.pairs = Pairs(connection)
        self.appliances = Appliances(connection)
        self.networks = Networks(connection)
        self.mappings = Mappings(connection)
        self.pools = Pools(connection)
        self.policies = Policies(connection)
        self.groups = Groups(connection)
        self.plans = Plans(connection)
        self.drill_schedules = DrillSchedules(connection)
        self.notices = NoticeTargets(connection)
        self.machines = Machines(connection)
        self.jobs = Jobs(connection)
        self.tokens = Tokens(connection)
        self.people = People(connection)
        self.providers = Providers(connection)
        self.sessions = Sessions(connection)
        self.audit = Audit(connection)
        self.evidence = Evidences(connection)
        self.approvals = Approvals(connection)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; jobs go on."""
        self._connection.close()

    def show(self) -> rest.Vault:
        """What the vault says of itself: name, version, CA's fingerprint, how much it has."""
        return self._connection.one(rest.Vault, "GET", path("vault"))

    def summary(self) -> rest.Summary:
        """All machines under protection at a glance: counts by state, health and finding, the worst RPO,
        the sites."""
        return self._connection.one(rest.Summary, "GET", path("summary"))

    def overview(self) -> Overview:
        """What needs somebody now, how fresh and how ready everything is, what is under way, what replicates
        where: of bounded size, however many machines there are."""
        return self._connection.one(Overview, "GET", path("overview"))

    def validation(self, *, now: bool = False) -> Validation:
        """What is wrong in the whole configuration: as the last check found it, or checked `now`, which
        takes as long as the sites take."""
        query = {"now": True} if now else None
        return self._connection.one(Validation, "GET", path("validation"), query)

    def health(self) -> rest.Liveness:
        """Whether the vault's process answers; needs no token."""
        return self._connection.one(rest.Liveness, "GET", path("health"))

    def ready(self) -> rest.Liveness:
        """Whether the vault's process serves requests; needs no token. Raises StoreUnavailable while it has
        lost its database."""
        return self._connection.one(rest.Liveness, "GET", path("ready"))

    def lifecycle(self) -> rest.Lifecycle:
        """The table that decides what is possible in which state of a machine."""
        return self._connection.one(rest.Lifecycle, "GET", path("lifecycle"))

    def events(
        self,
        *,
        machine: str | None = None,
        kinds: Sequence[rest.EventKind] = (),
    ) -> Iterator[rest.Event]:
        """Jobs and machines whenever they change, without an end; only of that machine, or of these kinds.
        A `reset` says that something was missed: read again what you show. A vault that restarts meanwhile
        is waited for; raises VaultUnreachable after a minute without it, NotFound for an unknown machine."""
        query = {"machine": machine, "kind": [str(kind) for kind in kinds] or None}
        return follow(self._connection, rest.Event, path("events"), query)

    def capacity(self, query: CapacityQuery) -> Capacity:
        """What it takes to protect machines from one site to another: measured, else assumed. Raises NotFound
        for what does not exist."""
        asked = query.model_dump(mode="json", exclude_defaults=True)
        return self._connection.one(Capacity, "GET", path("capacity"), asked)

    def live(self, interval: float = 1.0, mark: str | None = None) -> Iterator[LiveBatch]:
        """Rows of machines and jobs as they change, without an end, at most once in `interval` seconds: first
        all of them, or with a mark what has changed since. A batch with columns stands in place of all that
        was told before. A vault that restarts meanwhile is waited for; raises VaultUnreachable after a minute
        without it."""
        return follow(self._connection, LiveBatch, path("live"), {"interval": interval}, mark)

    def report(self) -> Report:
        """The state of protection and of the week until now, as an auditor wants it."""
        return self._connection.one(Report, "GET", path("report"))

    def metrics(self) -> str:
        """Numbers of machines, appliances and jobs, in the text format of Prometheus."""
        return self._connection.call("GET", path("metrics")).decode()

    def answer(self, *parts: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The answer to a GET below /api as it came, for who keeps it and does not read it."""
        return self._connection.call("GET", path(*parts), query)

    def ca(self) -> str:
        """The certificate (PEM) of its authority; needs no token. Compare its fingerprint before you trust
        it."""
        return self._connection.call("GET", path("ca")).decode()
