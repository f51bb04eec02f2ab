"""Which CAs each appliance trusts, for the rotation of the vault's own."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appliance_trusts",
        sa.Column(
            "appliance_id",
            sa.String(64),
            sa.ForeignKey("appliances.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("trusted", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("issuer", sa.String(64), nullable=False),
    )
