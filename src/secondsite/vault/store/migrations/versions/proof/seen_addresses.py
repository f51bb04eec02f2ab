"""The addresses that a machine's guest was seen to have where it was started last."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("seen_addresses", sa.JSON(none_as_null=True), nullable=True))
