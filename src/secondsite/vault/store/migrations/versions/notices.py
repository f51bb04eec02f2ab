"""Notices: whom to tell, what they know, and what they are still to be told."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def _target(*, is_key: bool = True) -> sa.Column[str]:
    whose = sa.ForeignKey("notice_targets.id", ondelete="CASCADE")
    return sa.Column("target_id", sa.String(64), whose, primary_key=is_key, nullable=False)


def upgrade() -> None:
    op.create_table(
        "notice_targets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "notice_deliveries",
        _target(),
        sa.Column("sent_at", UtcDateTime),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime),
        sa.Column("next_at", UtcDateTime),
        sa.Column("given_up", sa.Integer(), nullable=False),
    )
    op.create_table(
        "notice_claims",
        _target(),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
    )
    op.create_table(
        "notice_marks",
        _target(),
        sa.Column("machine_id", sa.String(64), primary_key=True),
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("machine", sa.String(200), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.Column("told_at", UtcDateTime, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        _target(is_key=False),
        sa.Column("happening", sa.JSON(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("message_id", sa.String(64)),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("given_up", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_notices_unsent", "notices", ["ended_at", "target_id", "message_id", "critical"])
