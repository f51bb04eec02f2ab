"""Sites, their appliances, and which network of one site maps to which of another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.bandwidth_schedule import UNLIMITED, BandwidthSchedule
from ...domain.verification_budget import UNSET, VerificationBudget
from ...wire.common.stores import StoreSpace
from ...wire.control import Hello
from ...wire.control.orders import Inventory
from ...wire.rest.places import NetworkMapping


@dataclass(frozen=True, slots=True)
class SiteRecord:
    name: str
    created_at: datetime
    bandwidth: BandwidthSchedule = UNLIMITED
    verification: VerificationBudget = UNSET
    """What it gives to copies of its replicas' points that are booted only to be looked at."""


@dataclass(frozen=True, slots=True)
class SitePairRecord:
    """What holds between two sites, whichever way a machine moves; `first` is the one that comes first in the alphabet."""

    first: str
    second: str
    reverse_after_commit: bool = True

    @classmethod
    def between(cls, one: str, other: str) -> "SitePairRecord":
        """As it is for two sites of which nothing was said."""
        first, second = sorted((one, other))
        return cls(first, second)


@dataclass(frozen=True, slots=True)
class DisbelievedRecord:
    """What an appliance said and was not believed: a part of a sentence."""

    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ApplianceRecord:
    """`hello` is its last one; `connected` as far as this vault knows."""

    id: str
    name: str
    site: str
    enrolled_at: datetime
    certificate_expires_at: datetime
    last_seen_at: datetime | None = None
    connected: bool = False
    hello: Hello | None = None
    store_free_bytes: int | None = None
    """Of its default store."""
    stores: tuple[StoreSpace, ...] = ()
    """As it reported them last; an older one does not."""
    disbelieved: DisbelievedRecord | None = None
    """Over its present connection; None: all was believed."""


@dataclass(frozen=True, slots=True)
class InventoryRecord:
    """What a site had when it was last asked."""

    site: str
    seen_at: datetime
    inventory: Inventory


class Sites(Protocol):
    def add(self, site: SiteRecord) -> None: ...
    def find(self, name: str) -> SiteRecord | None: ...
    def list(self) -> Sequence[SiteRecord]: ...
    def put(self, site: SiteRecord) -> None: ...
    def remove(self, name: str) -> None: ...


class SitePairs(Protocol):
    def between(self, one: str, other: str) -> SitePairRecord:
        """What holds between them, in whichever order they are given."""
        ...

    def put(self, pair: SitePairRecord) -> None: ...


class ApplianceRecords(Protocol):
    def put(self, appliance: ApplianceRecord) -> None: ...
    def find(self, appliance_id: str) -> ApplianceRecord | None: ...
    def list(self, site: str | None = None) -> Sequence[ApplianceRecord]: ...
    def remove(self, appliance_id: str) -> None: ...


class Inventories(Protocol):
    def put(self, record: InventoryRecord) -> None: ...
    def find(self, site: str) -> InventoryRecord | None: ...


class NetworkMappings(Protocol):
    def put(self, mapping: NetworkMapping) -> None: ...
    def list(
        self, source_site: str | None = None, target_site: str | None = None
    ) -> Sequence[NetworkMapping]: ...
    def remove(self, source_site: str, source_network: str, target_site: str) -> None: ...
