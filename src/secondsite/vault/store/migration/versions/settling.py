"""Where the disks of machines go once a commit has left them at one of two sites."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site_pairs", sa.Column("settle", sa.JSON()))
