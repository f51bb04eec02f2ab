"""What was said last of an old copy that an undone reprotect left at its site."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machine_statuses", sa.Column("old_copy", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("machine_statuses", sa.Column("old_copy_at", sa.DateTime(timezone=True), nullable=True))
