"""Pools of addresses, and who has which address."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "address_pools",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("settings", sa.JSON(), nullable=False),
    )
    op.create_table(
        "pool_addresses",
        sa.Column("pool", sa.String(63), sa.ForeignKey("address_pools.name"), primary_key=True),
        sa.Column("address", sa.String(15), primary_key=True),
        sa.Column("machine_id", sa.String(64), nullable=False),
        sa.Column("machine_name", sa.Text(), nullable=False),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("taken_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("machine_id", "mac", "pool", name="uq_pool_addresses_machine_id"),
    )
