"""What single machines are to be like at their second sites."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_properties",
        sa.Column(
            "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("properties", sa.JSON(), nullable=False),
    )
