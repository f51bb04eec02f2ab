"""A test failover has a verdict, and a machine remembers that its last one failed."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0036"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("drill_notes", sa.Column("verdict", sa.String(64), nullable=True))
    op.add_column("machines", sa.Column("drill_failed_at", UtcDateTime, nullable=True))
