"""Several vault processes: which there are, who holds an appliance's connection, and the orders that they pass on."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_processes",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("control_url", sa.Text(), nullable=False),
        sa.Column("trusted", sa.JSON(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "appliance_links",
        sa.Column(
            "appliance_id",
            sa.String(64),
            sa.ForeignKey("appliances.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
    )
    op.create_table(
        "passed_orders",
        sa.Column("order_id", sa.String(300), primary_key=True),
        sa.Column("appliance_id", sa.String(64), nullable=False),
        sa.Column("order", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("taken_by", sa.String(200)),
        sa.Column("report", sa.JSON(none_as_null=True)),
        sa.Column("fraction", sa.Float(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("is_news", sa.Boolean(), nullable=False),
    )
