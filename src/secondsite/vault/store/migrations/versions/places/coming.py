"""The appliance to which a machine is being protected back, where it is another one than the machine had: what it says counts already."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("coming_appliance_id", sa.String(length=64), nullable=True))
