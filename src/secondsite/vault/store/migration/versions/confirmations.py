"""What people confirmed of machines, so that somebody can connect after a failover."""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_confirmations",
        sa.Column(
            "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("lines", sa.JSON(), nullable=False),
    )
