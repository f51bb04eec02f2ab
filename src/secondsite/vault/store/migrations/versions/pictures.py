"""Pictures of screens."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_pictures",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("taken_at", UtcDateTime, nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_job_pictures_taken_at", "job_pictures", ["taken_at"])
