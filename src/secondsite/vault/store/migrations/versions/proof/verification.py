"""What a site gives to copies that are booted only to be looked at, what the last one of each machine proved, and what the last check of the
whole configuration found."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("verification", sa.JSON(), nullable=False, server_default="{}"))
    for name in ("booted", "proven_as", "drift"):
        op.add_column("machines", sa.Column(name, sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "validations",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("checked_at", UtcDateTime, nullable=False),
        sa.Column("machines", sa.Integer(), nullable=False),
        sa.Column("not_asked", sa.Integer(), nullable=False),
        sa.Column("flaws", sa.JSON(none_as_null=True), nullable=False),
    )
