"""An appliance has several stores, and a machine is kept in the one that was asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appliances", sa.Column("stores", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("machines", sa.Column("keeping", sa.JSON(), nullable=False, server_default="{}"))
