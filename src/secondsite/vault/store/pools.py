"""Address pools, and the machines that have their addresses."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, Text, UniqueConstraint, delete, insert, select
from sqlalchemy.orm import Session

from ...wire.common.cards import PoolSettings
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class PoolRecord:
    name: str
    settings: PoolSettings


@dataclass(frozen=True, slots=True)
class PoolAddressRecord:
    """An address of a pool that a machine has, by its card's MAC address at home. It outlives the machine's
    protection if the machine runs on with it."""

    pool: str
    address: str
    machine_id: str
    machine_name: str
    mac: str
    taken_at: datetime


ADDRESS_POOLS = Table(
    "address_pools",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("settings", ShapeColumn(PoolSettings), nullable=False),
)

POOL_ADDRESSES = Table(
    "pool_addresses",
    metadata,
    Column("pool", ForeignKey("address_pools.name"), primary_key=True),
    Column("address", String(15), primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("machine_name", Text, nullable=False),
    Column("mac", String(17), nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    UniqueConstraint("machine_id", "mac", "pool", name="uq_pool_addresses_machine_id"),
)


class AddressPools:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, pool: PoolRecord) -> None:
        """Add the pool, or replace the one of that name."""
        rows.upsert(self._session, ADDRESS_POOLS, rows.row(pool))

    def find(self, name: str) -> PoolRecord | None:
        return rows.one(self._session, PoolRecord, select(ADDRESS_POOLS).where(ADDRESS_POOLS.c.name == name))

    def list(self) -> Sequence[PoolRecord]:
        """All pools, by name."""
        return rows.many(self._session, PoolRecord, select(ADDRESS_POOLS).order_by(ADDRESS_POOLS.c.name))

    def remove(self, name: str) -> None:
        self._session.execute(delete(ADDRESS_POOLS).where(ADDRESS_POOLS.c.name == name))

    def take(self, taken: PoolAddressRecord) -> None:
        """Note the address as taken. Raises Conflict if another machine has it."""
        self._session.execute(insert(POOL_ADDRESSES).values(**rows.row(taken)))

    def taken(self, pool: str) -> Sequence[PoolAddressRecord]:
        query = select(POOL_ADDRESSES).where(POOL_ADDRESSES.c.pool == pool)
        found = rows.many(self._session, PoolAddressRecord, query)
        return sorted(found, key=lambda each: ipaddress.IPv4Address(each.address))

    def addresses(self, pool: str) -> set[str]:
        """The addresses of the pool that machines have."""
        query = select(POOL_ADDRESSES.c.address).where(POOL_ADDRESSES.c.pool == pool)
        return set(self._session.execute(query).scalars())

    def held(self, machine_id: str) -> Sequence[PoolAddressRecord]:
        """The addresses of all pools that the machine has."""
        query = select(POOL_ADDRESSES).where(POOL_ADDRESSES.c.machine_id == machine_id)
        return rows.many(self._session, PoolAddressRecord, query)

    def give_back(self, machine_id: str) -> None:
        """Free all addresses of the machine."""
        self._session.execute(delete(POOL_ADDRESSES).where(POOL_ADDRESSES.c.machine_id == machine_id))

    def release(self, pool: str, address: str) -> None:
        """Free one address, whichever machine has it."""
        columns = POOL_ADDRESSES.c
        self._session.execute(delete(POOL_ADDRESSES).where(columns.pool == pool, columns.address == address))
