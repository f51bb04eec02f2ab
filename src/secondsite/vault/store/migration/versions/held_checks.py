"""For how long the checks of failed-over plans have held."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_checks",
        sa.Column("plan", sa.String(63), primary_key=True),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("held", sa.JSON()),
        sa.Column("kept_open_by", sa.String(255)),
        sa.Column("kept_open_at", sa.DateTime(timezone=True)),
        sa.Column("job_id", sa.String(64)),
    )
