"""Which turn of the weekly report each target of notices was told last."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "weekly_reports",
        sa.Column(
            "target_id",
            sa.String(64),
            sa.ForeignKey("notice_targets.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("told", sa.JSON(), nullable=False),
    )
