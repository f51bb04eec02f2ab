"""Each vault on the database counts how long it has been in use: appliances remember the highest number."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lineage", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
