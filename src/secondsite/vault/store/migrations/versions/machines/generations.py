"""Authority over a machine has a number, and belongs to the job that claimed it last."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("machines", sa.Column("claimed_by", sa.String(64), nullable=True))
    op.add_column("machines", sa.Column("came_from", sa.String(64), nullable=True))
    op.add_column(
        "machine_statuses", sa.Column("generation", sa.Integer(), nullable=False, server_default="0")
    )
    machines = sa.table("machines", sa.column("claimed_by"), sa.column("job_id"))
    op.execute(machines.update().values(claimed_by=machines.c.job_id))
