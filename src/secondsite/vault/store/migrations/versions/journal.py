"""A failed-over machine may run from a point that was rolled forward."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("failed_over_forward", sa.JSON(none_as_null=True), nullable=True))
