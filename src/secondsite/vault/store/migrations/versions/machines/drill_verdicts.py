"""A test failover has a verdict, a machine remembers that its last one failed, and the vault starts some by itself."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("drill_notes", sa.Column("verdict", sa.String(64), nullable=True))
    op.add_column("machines", sa.Column("drill_failed_at", UtcDateTime, nullable=True))
    op.create_table(
        "drill_schedules",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("schedule", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.Column("next_at", UtcDateTime, nullable=False),
        sa.Column("job_id", sa.String(64), nullable=True),
        sa.Column("started_at", UtcDateTime, nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("said_at", UtcDateTime, nullable=True),
    )
