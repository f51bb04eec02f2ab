"""What came of the DNS names of machines."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("names", sa.JSON(none_as_null=True), nullable=True))
