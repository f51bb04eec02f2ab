"""Which key an appliance may show, and registration keys that replace it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("registration_keys", sa.Column("replaces", sa.String(64), nullable=True))
    op.create_table(
        "appliance_keys",
        sa.Column(
            "appliance_id",
            sa.String(64),
            sa.ForeignKey("appliances.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("key_sha256", sa.String(64), nullable=False),
    )
