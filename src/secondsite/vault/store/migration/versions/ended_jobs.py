"""Jobs that ended are found by when they ended, however many are kept."""

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_jobs_state_ended_at", "jobs", ["state", "ended_at"])
