"""What a site gives to copies that are booted only to be looked at, and what the last one of each machine proved."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("verification", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("machines", sa.Column("booted", sa.JSON(none_as_null=True), nullable=True))
