"""A drill may run from a point that was rolled forward, and its note says so."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("drill_notes", sa.Column("forward", sa.JSON(none_as_null=True), nullable=True))
