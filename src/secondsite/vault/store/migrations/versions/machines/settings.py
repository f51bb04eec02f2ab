"""What is set for single machines."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_settings",
        sa.Column(
            "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("cards", sa.JSON(), nullable=False),
    )
