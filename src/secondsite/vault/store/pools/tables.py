"""The rows of pools of addresses. Who has an address is kept without a foreign key: a machine that runs on has it although its protection
has ended."""

from sqlalchemy import Column, ForeignKey, String, Table, Text, UniqueConstraint

from ....wire.common.cards import PoolSettings
from ..columns import Shaped, UtcDateTime
from ..tables import metadata

address_pools = Table(
    "address_pools",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("settings", Shaped(PoolSettings), nullable=False),
)

pool_addresses = Table(
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
