"""The scripts that run when single machines are moved."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_hooks",
        sa.Column(
            "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("hooks", sa.JSON(), nullable=False),
    )
