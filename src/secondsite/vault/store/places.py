"""Sites, their appliances, what they had last, and how the networks of two sites map to each other."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from ...wire.rest.places import NetworkMapping
from .. import ports
from . import rows, tables


class SqlSites:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, site: ports.SiteRecord) -> None:
        """Raises AlreadyExists."""
        if self.find(site.name):
            raise errors.AlreadyExists(f"There is a site '{site.name}' already.")
        self._session.execute(insert(tables.sites).values(**rows.row(site)))

    def find(self, name: str) -> ports.SiteRecord | None:
        return rows.one(
            self._session, ports.SiteRecord, select(tables.sites).where(tables.sites.c.name == name)
        )

    def list(self) -> Sequence[ports.SiteRecord]:
        return rows.many(self._session, ports.SiteRecord, select(tables.sites).order_by(tables.sites.c.name))

    def put(self, site: ports.SiteRecord) -> None:
        """Other values for a site that is there."""
        where = tables.sites.c.name == site.name
        self._session.execute(update(tables.sites).where(where).values(**rows.row(site)))

    def remove(self, name: str) -> None:
        self._session.execute(delete(tables.sites).where(tables.sites.c.name == name))


class SqlAppliances:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance: ports.ApplianceRecord) -> None:
        rows.upsert(self._session, tables.appliances, rows.row(appliance))

    def find(self, appliance_id: str) -> ports.ApplianceRecord | None:
        query = select(tables.appliances).where(tables.appliances.c.id == appliance_id)
        return rows.one(self._session, ports.ApplianceRecord, query)

    def list(self, site: str | None = None) -> Sequence[ports.ApplianceRecord]:
        """In the order they were enrolled."""
        columns = tables.appliances.c
        query = select(tables.appliances).order_by(columns.enrolled_at, columns.id)
        if site is not None:
            query = query.where(columns.site == site)
        return rows.many(self._session, ports.ApplianceRecord, query)

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
        columns = tables.network_mappings.c
        query = select(tables.network_mappings).order_by(
            columns.source_site, columns.target_site, columns.source_network
        )
        if source_site is not None:
            query = query.where(columns.source_site == source_site)
        if target_site is not None:
            query = query.where(columns.target_site == target_site)
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
