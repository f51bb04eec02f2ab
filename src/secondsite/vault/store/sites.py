"""Sites, pairs of them, and the network mappings between two sites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from ...domain.bandwidth_schedule import UNLIMITED, BandwidthSchedule
from ...domain.verification_budget import UNSET, VerificationBudget
from ...jobs.storage.prepared import PreparedStatement
from ...wire.common.disk_places import DiskPlace
from ...wire.common.numbers import LONGEST_NAME
from ...wire.rest.places import NetworkMapping
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class SiteRecord:
    name: str
    created_at: datetime
    bandwidth: BandwidthSchedule = UNLIMITED
    verification: VerificationBudget = UNSET
    """What the site gives to copies of its replicas' points that are booted only to be looked at."""


@dataclass(frozen=True, slots=True)
class SitePairRecord:
    """Settings of a pair of sites, whichever way a machine moves; `first` is the one that comes first in the
    alphabet."""

    first: str
    second: str
    reverse_after_commit: bool = True
    settle: Mapping[str, DiskPlace] | None = None
    """Where the disks of a machine go, by the site at which a commit has left it."""

    @classmethod
    def between(cls, one: str, other: str) -> "SitePairRecord":
        """The settings of a pair for which nothing was set."""
        first, second = sorted((one, other))
        return cls(first, second)


SITES = Table(
    "sites",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("bandwidth", ShapeColumn(BandwidthSchedule), nullable=False),
    Column("verification", ShapeColumn(VerificationBudget), nullable=False),
)

# Settings of pairs of sites; a pair without a row has the defaults.
SITE_PAIRS = Table(
    "site_pairs",
    metadata,
    Column("first", ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    Column("second", ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    Column("reverse_after_commit", Boolean, nullable=False),
    Column("settle", ShapeColumn(dict[str, DiskPlace])),
)

NETWORK_MAPPINGS = Table(
    "network_mappings",
    metadata,
    Column("source_site", ForeignKey("sites.name"), primary_key=True),
    Column("source_network", String(LONGEST_NAME), primary_key=True),
    Column("target_site", ForeignKey("sites.name"), primary_key=True),
    Column("target_network", String(LONGEST_NAME), nullable=False),
)

_SITE = PreparedStatement(select(SITES).where(SITES.c.name == bindparam("wanted")))
_PAIRED = SITE_PAIRS.c
_PAIR = PreparedStatement(
    select(SITE_PAIRS).where(_PAIRED.first == bindparam("first"), _PAIRED.second == bindparam("second"))
)
_MAPPINGS = NETWORK_MAPPINGS.c
_MAPPED = select(NETWORK_MAPPINGS).order_by(
    _MAPPINGS.source_site, _MAPPINGS.target_site, _MAPPINGS.source_network
)
_MAPPED_BETWEEN = PreparedStatement(
    _MAPPED.where(_MAPPINGS.source_site == bindparam("source"), _MAPPINGS.target_site == bindparam("target"))
)


class Sites:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, site: SiteRecord) -> None:
        """Add a site. Raises AlreadyExists."""
        if self.find(site.name):
            raise errors.AlreadyExists(f"There is a site '{site.name}' already.")
        self._session.execute(insert(SITES).values(**rows.row(site)))

    def find(self, name: str) -> SiteRecord | None:
        row = _SITE.one(self._session, {"wanted": name})
        return None if row is None else SiteRecord(**row)

    def list(self) -> Sequence[SiteRecord]:
        return rows.many(self._session, SiteRecord, select(SITES).order_by(SITES.c.name))

    def put(self, site: SiteRecord) -> None:
        """Replace the values of an existing site."""
        where = SITES.c.name == site.name
        self._session.execute(update(SITES).where(where).values(**rows.row(site)))

    def remove(self, name: str) -> None:
        self._session.execute(delete(SITES).where(SITES.c.name == name))


class SitePairs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def between(self, one: str, other: str) -> SitePairRecord:
        """The settings of the pair, in whichever order the sites are given."""
        unsaid = SitePairRecord.between(one, other)
        row = _PAIR.one(self._session, {"first": unsaid.first, "second": unsaid.second})
        return unsaid if row is None else SitePairRecord(**row)

    def put(self, pair: SitePairRecord) -> None:
        rows.upsert(self._session, SITE_PAIRS, rows.row(pair))


class NetworkMappings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, mapping: NetworkMapping) -> None:
        rows.upsert(self._session, NETWORK_MAPPINGS, mapping.model_dump())

    def list(
        self, source_site: str | None = None, target_site: str | None = None
    ) -> Sequence[NetworkMapping]:
        if source_site is not None and target_site is not None:
            between = {"source": source_site, "target": target_site}
            return [NetworkMapping(**row) for row in _MAPPED_BETWEEN.all(self._session, between)]
        query = _MAPPED
        if source_site is not None:
            query = query.where(_MAPPINGS.source_site == source_site)
        if target_site is not None:
            query = query.where(_MAPPINGS.target_site == target_site)
        return rows.many(self._session, NetworkMapping, query)

    def remove(self, source_site: str, source_network: str, target_site: str) -> None:
        columns = NETWORK_MAPPINGS.c
        self._session.execute(
            delete(NETWORK_MAPPINGS).where(
                columns.source_site == source_site,
                columns.source_network == source_network,
                columns.target_site == target_site,
            )
        )
