"""Command lines that wait until somebody approves them."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "login_requests",
        sa.Column("code", sa.String(16), primary_key=True),
        sa.Column("poll_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("program", sa.String(200), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("holder_sha256", sa.String(64)),
        sa.Column("way", sa.String(64)),
    )
