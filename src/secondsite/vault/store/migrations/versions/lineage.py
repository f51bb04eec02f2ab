"""The database bears a mark of its vault, so that one that was restored is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lineage",
        sa.Column("vault", sa.String(100), primary_key=True),
        sa.Column("mark", sa.String(64), nullable=False),
    )
