"""Properties of a machine at the target go: nothing ever gave it any."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("machines", "properties")
