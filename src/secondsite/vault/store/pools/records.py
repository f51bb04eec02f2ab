"""Pools of addresses, each in a row, and a row for each address that a machine has."""

import ipaddress
from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from .tables import address_pools, pool_addresses


class SqlAddressPools:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, pool: ports.PoolRecord) -> None:
        rows.upsert(self._session, address_pools, rows.row(pool))

    def find(self, name: str) -> ports.PoolRecord | None:
        return rows.one(
            self._session, ports.PoolRecord, select(address_pools).where(address_pools.c.name == name)
        )

    def list(self) -> Sequence[ports.PoolRecord]:
        return rows.many(
            self._session, ports.PoolRecord, select(address_pools).order_by(address_pools.c.name)
        )

    def remove(self, name: str) -> None:
        self._session.execute(delete(address_pools).where(address_pools.c.name == name))

    def take(self, taken: ports.TakenRecord) -> None:
        self._session.execute(insert(pool_addresses).values(**rows.row(taken)))

    def taken(self, pool: str) -> Sequence[ports.TakenRecord]:
        query = select(pool_addresses).where(pool_addresses.c.pool == pool)
        found = rows.many(self._session, ports.TakenRecord, query)
        return sorted(found, key=lambda each: ipaddress.IPv4Address(each.address))

    def held(self, machine_id: str) -> Sequence[ports.TakenRecord]:
        query = select(pool_addresses).where(pool_addresses.c.machine_id == machine_id)
        return rows.many(self._session, ports.TakenRecord, query)

    def give_back(self, machine_id: str) -> None:
        self._session.execute(delete(pool_addresses).where(pool_addresses.c.machine_id == machine_id))

    def release(self, pool: str, address: str) -> None:
        columns = pool_addresses.c
        self._session.execute(delete(pool_addresses).where(columns.pool == pool, columns.address == address))
