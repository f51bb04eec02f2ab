"""Drills have numbers of their own, and belong to the job that claimed the machine's drill last."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("drill_generation", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("machines", sa.Column("drill_claimed_by", sa.String(64), nullable=True))
    op.add_column(
        "machine_statuses", sa.Column("drill_generation", sa.Integer(), nullable=False, server_default="0")
    )
