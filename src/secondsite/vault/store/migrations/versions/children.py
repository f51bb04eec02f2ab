"""The children of a job are counted from an index."""

from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ["parent_job_id", "parent_position", "state", "parent_attempt"]
    op.create_index("ix_jobs_children", "jobs", columns)
    op.drop_index("ix_jobs_parent_job_id", "jobs")
