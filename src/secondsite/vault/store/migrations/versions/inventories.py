"""What each site had when it was asked last."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_inventories",
        sa.Column("site", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inventory", sa.JSON(none_as_null=True), nullable=False),
    )
