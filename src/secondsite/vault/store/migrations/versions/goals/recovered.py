"""How long a machine's last drill or failover took, beside the machine: a goal may be set later, and the job may be gone by then."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("recovered", sa.JSON(none_as_null=True), nullable=True))
