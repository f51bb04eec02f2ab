"""What the host of an appliance has, and since when nothing new is placed there."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appliances", sa.Column("capacity", sa.JSON()))
    op.add_column("appliances", sa.Column("drained_at", sa.DateTime(timezone=True)))
