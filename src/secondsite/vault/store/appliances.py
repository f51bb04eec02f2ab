"""Appliances, their reports that were not believed, and the inventories of their sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    String,
    Table,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.orm import Session

from ...jobs.storage.prepared import CachedRecords, PreparedStatement
from ...wire.common.hosts import HostCapacity
from ...wire.common.numbers import LONGEST_NAME
from ...wire.common.stores import StoreSpace
from ...wire.control import Hello
from ...wire.control.orders import Inventory
from .sql import rows
from .sql.columns import ReportColumn, ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class DisbelievedRecord:
    """A report of an appliance that was not believed, as a part of a sentence."""

    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ApplianceRecord:
    """An enrolled appliance. `hello` is its last one; `connected` as far as this vault knows."""

    id: str
    name: str
    site: str
    enrolled_at: datetime
    certificate_expires_at: datetime
    last_seen_at: datetime | None = None
    connected: bool = False
    hello: Hello | None = None
    store_free_bytes: int | None = None
    """Free bytes of its default store."""
    stores: tuple[StoreSpace, ...] = ()
    """Its stores as last reported; an older appliance reports none."""
    capacity: HostCapacity | None = None
    """What its host has, as last reported; None: an older appliance."""
    drained_at: datetime | None = None
    """Since when nothing new is placed there; None: it is not drained. `drain` alone changes it."""
    disbelieved: DisbelievedRecord | None = None
    """The first report over its present connection that was not believed; None: there was none."""


@dataclass(frozen=True, slots=True)
class InventoryRecord:
    """What a site had when it was last asked."""

    site: str
    seen_at: datetime
    inventory: Inventory


APPLIANCES = Table(
    "appliances",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("site", ForeignKey("sites.name"), nullable=False),
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("certificate_expires_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime),
    Column("connected", Boolean, nullable=False),
    Column("hello", ReportColumn(Hello)),
    Column("store_free_bytes", BigInteger),
    Column("stores", ShapeColumn(tuple[StoreSpace, ...]), nullable=False),
    Column("capacity", ReportColumn(HostCapacity)),
    Column("drained_at", UtcDateTime),
    Column("disbelieved", ShapeColumn(DisbelievedRecord)),
)

# What a site had when it was last asked: shown while it cannot be asked.
SITE_INVENTORIES = Table(
    "site_inventories",
    metadata,
    Column("site", ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("inventory", ShapeColumn(Inventory), nullable=False),
)

_APPLIANCE = PreparedStatement(select(APPLIANCES).where(APPLIANCES.c.id == bindparam("wanted")))
_ENROLLED = select(APPLIANCES).order_by(APPLIANCES.c.enrolled_at, APPLIANCES.c.id)
_APPLIANCES = CachedRecords(_ENROLLED, ApplianceRecord)
_APPLIANCES_OF = PreparedStatement(_ENROLLED.where(APPLIANCES.c.site == bindparam("wanted")))


class ApplianceRecords:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance: ApplianceRecord) -> None:
        """Add it, or replace all but whether it is drained, which a report would else take back."""
        values = rows.row(appliance)
        rows.upsert(self._session, APPLIANCES, values, only=values.keys() - {"drained_at"})

    def drain(self, appliance_id: str, since: datetime | None) -> None:
        """Nothing new is placed there since then; None: again."""
        wanted = update(APPLIANCES).where(APPLIANCES.c.id == appliance_id)
        self._session.execute(wanted.values(drained_at=since))

    def find(self, appliance_id: str) -> ApplianceRecord | None:
        row = _APPLIANCE.one(self._session, {"wanted": appliance_id})
        return None if row is None else ApplianceRecord(**row)

    def list(self, site: str | None = None) -> Sequence[ApplianceRecord]:
        """In the order they were enrolled."""
        if site is None:
            return _APPLIANCES.all(self._session)
        return [ApplianceRecord(**row) for row in _APPLIANCES_OF.all(self._session, {"wanted": site})]

    def remove(self, appliance_id: str) -> None:
        self._session.execute(delete(APPLIANCES).where(APPLIANCES.c.id == appliance_id))


class Inventories:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: InventoryRecord) -> None:
        rows.upsert(self._session, SITE_INVENTORIES, rows.row(record))

    def find(self, site: str) -> InventoryRecord | None:
        query = select(SITE_INVENTORIES).where(SITE_INVENTORIES.c.site == site)
        return rows.one(self._session, InventoryRecord, query)
