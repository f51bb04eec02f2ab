"""What runs of machines took."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_times",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("machine_id", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(64), nullable=False),
        sa.Column("source_site", sa.String(63), nullable=False),
        sa.Column("target_site", sa.String(63), nullable=False),
        sa.Column("ended_at", UtcDateTime, nullable=False),
        sa.Column("parts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("downtime", sa.Float),
        sa.Column("predicted", sa.Float),
    )
    op.create_index("ix_run_times_machine_id", "run_times", ["machine_id"])
    op.create_index("ix_run_times_way", "run_times", ["source_site", "target_site", "ended_at"])
