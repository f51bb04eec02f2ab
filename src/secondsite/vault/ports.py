"""What the vault needs from the outside, as protocols: a store of facts, and a gateway to the appliances.

`entry` brings the adapters (`store`, `gateway`). Records are frozen; a change is a new record that is put back.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ..domain import rpo
from ..domain.bandwidth import UNLIMITED, BandwidthSchedule
from ..domain.groups import ReplicationGroup
from ..domain.lifecycle import DrillState, State
from ..domain.policies import ReplicationPolicy
from ..wire.control import Hello, Report, Status
from ..wire.machines import MachineDefinition
from ..wire.replication import ReplicaStatus, SourceStatus
from ..wire.rest import NetworkMapping


@dataclass(frozen=True, slots=True)
class SiteRecord:
    name: str
    created_at: datetime
    bandwidth: BandwidthSchedule = UNLIMITED


@dataclass(frozen=True, slots=True)
class ApplianceRecord:
    """`hello` is the last one it said; `connected` as far as this vault knows."""

    id: str
    name: str
    site: str
    enrolled_at: datetime
    certificate_expires_at: datetime
    last_seen_at: datetime | None = None
    connected: bool = False
    hello: Hello | None = None
    store_free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DrillRecord:
    """The test failover that is open: its point, its machine at the target, and the network we made for it."""

    point_id: str
    fabric_id: str
    machine_name: str
    network: str | None
    network_made: bool
    started_at: datetime
    job_id: str


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """A machine under protection. `source_...` and `target_...` are the present roles: reprotect turns them.

    `epoch` rises with every new replica and every turn. `home_site` is where the machine was when it was enabled.
    `source_fabric_id`/`target_fabric_id` name the machine at each site. `failed_over_point_id` is set from failover
    until the next reprotect. `version` guards against lost updates.
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
    job_id: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    group: str | None = None
    """The replication group that it belongs to."""

    @property
    def reversed(self) -> bool:
        """True while it is protected back towards its home site."""
        return self.source_site != self.home_site


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A replication group; its members are the machines that name it."""

    name: str
    group: ReplicationGroup
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """What the two appliances said last about a machine, and when."""

    machine_id: str
    source: SourceStatus | None = None
    source_at: datetime | None = None
    replica: ReplicaStatus | None = None
    replica_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RpoBlock:
    """Ten minutes of a machine's RPO series."""

    machine_id: str
    begins_at: datetime
    slots: rpo.Block


@dataclass(frozen=True, slots=True)
class DrillNote:
    machine_id: str
    notes: str
    point_id: str
    started_at: datetime
    completed_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A registration key, kept only as its sha256."""

    key_sha256: str
    site: str
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """An access token, kept only as its sha256."""

    name: str
    token_sha256: str
    created_at: datetime


class Sites(Protocol):
    def add(self, site: SiteRecord) -> None: ...
    def find(self, name: str) -> SiteRecord | None: ...
    def list(self) -> Sequence[SiteRecord]: ...
    def put(self, site: SiteRecord) -> None: ...
    def remove(self, name: str) -> None: ...


class ApplianceRecords(Protocol):
    def put(self, appliance: ApplianceRecord) -> None: ...
    def find(self, appliance_id: str) -> ApplianceRecord | None: ...
    def list(self, site: str | None = None) -> Sequence[ApplianceRecord]: ...
    def remove(self, appliance_id: str) -> None: ...


class MachineRecords(Protocol):
    def add(self, machine: MachineRecord) -> None:
        """Raises AlreadyExists when the fabric id is under protection already."""

    def get(self, machine_id: str) -> MachineRecord:
        """Raises NotFound."""

    def find(self, name_or_id: str) -> MachineRecord | None:
        """By id, or by name when it is unique; raises InvalidArgument when a name is not."""

    def by_fabric_id(self, site: str, fabric_id: str) -> MachineRecord | None: ...
    def list(self, site: str | None = None) -> Sequence[MachineRecord]: ...

    def put(self, machine: MachineRecord) -> MachineRecord:
        """Writes it with version + 1; raises DeadlineExceeded-like Conflict when another writer was faster."""

    def remove(self, machine_id: str) -> None: ...


class StatusRecords(Protocol):
    def get(self, machine_id: str) -> StatusRecord: ...
    def put_source(self, status: SourceStatus, at: datetime) -> None: ...
    def put_replica(self, status: ReplicaStatus, at: datetime) -> None: ...
    def remove(self, machine_id: str) -> None: ...


class Policies(Protocol):
    def put(self, policy: ReplicationPolicy, read_only: bool = False) -> None: ...
    def find(self, name: str) -> ReplicationPolicy | None: ...
    def list(self) -> Sequence[tuple[ReplicationPolicy, bool]]: ...
    def remove(self, name: str) -> None: ...


class Groups(Protocol):
    def add(self, group: GroupRecord) -> None: ...
    def find(self, name: str) -> GroupRecord | None: ...
    def list(self) -> Sequence[GroupRecord]: ...

    def members(self, name: str) -> Sequence[MachineRecord]:
        """The machines that name it, by name."""

    def remove(self, name: str) -> None: ...


class NetworkMappings(Protocol):
    def put(self, mapping: NetworkMapping) -> None: ...
    def list(
        self, source_site: str | None = None, target_site: str | None = None
    ) -> Sequence[NetworkMapping]: ...
    def remove(self, source_site: str, source_network: str, target_site: str) -> None: ...


class RpoBlocks(Protocol):
    def fill(self, begins_at: datetime, slot: int, measured: Mapping[str, rpo.Rpo]) -> None:
        """One slot of many machines (by id); a slot that is filled already stays as it is."""

    def list(self, machine_id: str, since: datetime) -> Sequence[RpoBlock]:
        """Those that end after `since`, oldest first."""

    def forget(self, before: datetime) -> None:
        """Drop the blocks that begin before then."""


class DrillNotes(Protocol):
    def add(self, note: DrillNote) -> None: ...
    def list(self, machine_id: str) -> Sequence[DrillNote]: ...


class RegistrationKeys(Protocol):
    def add(self, key: KeyRecord) -> None: ...

    def use(self, key_sha256: str, now: datetime) -> KeyRecord:
        """Marks it used, once; raises RegistrationRefused when unknown, used or expired."""


class Tokens(Protocol):
    def add(self, token: TokenRecord) -> None: ...
    def find(self, token_sha256: str) -> TokenRecord | None: ...
    def list(self) -> Sequence[TokenRecord]: ...
    def remove(self, name: str) -> None: ...


class Transaction(Protocol):
    """All records, inside one database transaction. `session` is the job engine's too."""

    @property
    def session(self) -> Any: ...
    @property
    def sites(self) -> Sites: ...
    @property
    def appliances(self) -> ApplianceRecords: ...
    @property
    def machines(self) -> MachineRecords: ...
    @property
    def statuses(self) -> StatusRecords: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def networks(self) -> NetworkMappings: ...
    @property
    def rpo(self) -> RpoBlocks: ...
    @property
    def drill_notes(self) -> DrillNotes: ...
    @property
    def keys(self) -> RegistrationKeys: ...
    @property
    def tokens(self) -> Tokens: ...


class Store(Protocol):
    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commits at the end of the block, rolls back on an exception."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A view of one instant that holds up no writer."""

    def within(self, session: Any) -> Transaction:
        """The same records inside a transaction that somebody else (the job engine) commits."""


class Gateway(Protocol):
    """Orders out, reports in. Never blocks: a step asks, waits without a thread, and asks again when signalled."""

    def ask(
        self,
        appliance_id: str,
        order_id: str,
        kind: str,
        machine_id: str | None,
        payload: Mapping[str, Any],
        deadline_seconds: float,
    ) -> Report | None:
        """The report if it has arrived; else hands the order over (once per connection; again after a reconnect)
        and gives None. The signal 'order/<order_id>' fires when the report arrives."""

    def forget(self, order_id: str) -> None:
        """The report was used and recorded."""

    def progress(self, order_id: str) -> tuple[float, str] | None:
        """The last progress of a running order."""

    def is_connected(self, appliance_id: str) -> bool: ...


class FactSink(Protocol):
    """Where the gateway delivers what appliances say by themselves; `watch` implements it."""

    def connected(self, hello: Hello) -> None: ...
    def disconnected(self, appliance_id: str) -> None: ...
    def status(self, appliance_id: str, status: Status) -> None: ...


class Signals(Protocol):
    """Wakes steps that wait: the job engine's `signal`."""

    def __call__(self, key: str) -> None: ...


class Renew(Protocol):
    """Gives an appliance its next certificate."""

    def __call__(self, appliance_id: str, csr_pem: str) -> str: ...


class Authority(Protocol):
    """The vault's own certificate authority."""

    @property
    def ca_pem(self) -> str: ...
    @property
    def fingerprint(self) -> str:
        """sha256 of the CA certificate in DER, as 64 hex digits."""

    def issue_appliance(self, csr_pem: str, appliance_id: str, now: datetime) -> tuple[str, datetime]:
        """A certificate (PEM) with the appliance's id as common name, for server and client use, and its end."""
