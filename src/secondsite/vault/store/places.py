"""Sites, their appliances, what they had last, and how the networks of two sites map to each other."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from ...jobs.storage.prepared import Prepared, Remembered
from ...wire.rest.places import NetworkMapping
from .. import ports
from . import rows, tables

_SITE = Prepared(select(tables.sites).where(tables.sites.c.name == bindparam("wanted")))
_PAIRED = tables.site_pairs.c
_PAIR = Prepared(
    select(tables.site_pairs).where(
        _PAIRED.first == bindparam("first"), _PAIRED.second == bindparam("second")
    )
)
_APPLIANCE = Prepared(select(tables.appliances).where(tables.appliances.c.id == bindparam("wanted")))
_ENROLLED = select(tables.appliances).order_by(tables.appliances.c.enrolled_at, tables.appliances.c.id)
_APPLIANCES = Remembered(_ENROLLED, ports.ApplianceRecord)
_APPLIANCES_OF = Prepared(_ENROLLED.where(tables.appliances.c.site == bindparam("wanted")))
_MAPPINGS = tables.network_mappings.c
_MAPPED = select(tables.network_mappings).order_by(
    _MAPPINGS.source_site, _MAPPINGS.target_site, _MAPPINGS.source_network
)
_MAPPED_BETWEEN = Prepared(
    _MAPPED.where(_MAPPINGS.source_site == bindparam("source"), _MAPPINGS.target_site == bindparam("target"))
)


class SqlSites:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, site: ports.SiteRecord) -> None:
        """Raises AlreadyExists."""
        if self.find(site.name):
            raise errors.AlreadyExists(f"There is a site '{site.name}' already.")
        self._session.execute(insert(tables.sites).values(**rows.row(site)))

    def find(self, name: str) -> ports.SiteRecord | None:
        row = _SITE.one(self._session, {"wanted": name})
        return None if row is None else ports.SiteRecord(**row)

    def list(self) -> Sequence[ports.SiteRecord]:
        return rows.many(self._session, ports.SiteRecord, select(tables.sites).order_by(tables.sites.c.name))

    def put(self, site: ports.SiteRecord) -> None:
        """Other values for a site that is there."""
        where = tables.sites.c.name == site.name
        self._session.execute(update(tables.sites).where(where).values(**rows.row(site)))

    def remove(self, name: str) -> None:
        self._session.execute(delete(tables.sites).where(tables.sites.c.name == name))


class SqlSitePairs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def between(self, one: str, other: str) -> ports.SitePairRecord:
        unsaid = ports.SitePairRecord.between(one, other)
        row = _PAIR.one(self._session, {"first": unsaid.first, "second": unsaid.second})
        return unsaid if row is None else ports.SitePairRecord(**row)

    def put(self, pair: ports.SitePairRecord) -> None:
        rows.upsert(self._session, tables.site_pairs, rows.row(pair))


class SqlAppliances:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance: ports.ApplianceRecord) -> None:
        rows.upsert(self._session, tables.appliances, rows.row(appliance))

    def find(self, appliance_id: str) -> ports.ApplianceRecord | None:
        row = _APPLIANCE.one(self._session, {"wanted": appliance_id})
        return None if row is None else ports.ApplianceRecord(**row)

    def list(self, site: str | None = None) -> Sequence[ports.ApplianceRecord]:
        """In the order they were enrolled."""
        if site is None:
            return _APPLIANCES.all(self._session)
        return [ports.ApplianceRecord(**row) for row in _APPLIANCES_OF.all(self._session, {"wanted": site})]

    def remove(self, appliance_id: str) -> None:
        self._session.execute(delete(tables.appliances).where(tables.appliances.c.id == appliance_id))


class SqlInventories:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: ports.InventoryRecord) -> None:
        rows.upsert(self._session, tables.site_inventories, rows.row(record))

    def find(self, site: str) -> ports.InventoryRecord | None:
        query = select(tables.site_inventories).where(tables.site_inventories.c.site == site)
        return rows.one(self._session, ports.InventoryRecord, query)


class SqlNetworkMappings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, mapping: NetworkMapping) -> None:
        rows.upsert(self._session, tables.network_mappings, mapping.model_dump())

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
        columns = tables.network_mappings.c
        self._session.execute(
            delete(tables.network_mappings).where(
                columns.source_site == source_site,
                columns.source_network == source_network,
                columns.target_site == target_site,
            )
        )
