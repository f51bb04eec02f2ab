"""Requests that wait for a second person's approval; tokens say whose they are and who saw their secret."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("person", sa.String(100), nullable=True))
        tokens.add_column(sa.Column("shown_to", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "approvals",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("stage", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(64), nullable=False),
        sa.Column("permission", sa.String(64), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("token_id", sa.String(64), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("site", sa.String(63), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("by_sha256", sa.String(64), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("tried", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.String(64), nullable=True),
    )
    op.create_table(
        "approval_rules",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("verbs", sa.JSON(), nullable=False),
        sa.Column("lasts_seconds", sa.Float(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
    )
    op.execute("INSERT INTO approval_rules VALUES (1, '[]', 86400, 0)")
