"""What is checked of single machines after each start."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_checks",
        sa.Column(
            "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("checks", sa.JSON(), nullable=False),
    )
