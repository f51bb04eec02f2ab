"""People who log in with a name."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("mark_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("site", sa.String(63)),
        sa.Column("shown_to", sa.JSON(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("password_hash", sa.Text()),
        sa.Column("link_sha256", sa.String(64), unique=True),
        sa.Column("link_way", sa.String(64)),
        sa.Column("link_until", sa.DateTime(timezone=True)),
        sa.Column("totp_secret", sa.String(64)),
        sa.Column("totp_wanted", sa.String(64)),
        sa.Column("totp_step", sa.Integer()),
        sa.Column("recovery_sha256", sa.JSON(), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True)),
        sa.Column("last_address", sa.String(64), nullable=False),
    )
    op.create_table(
        "log_in_rules",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
    )
