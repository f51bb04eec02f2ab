"""Security keys of people, and the challenges that these have to answer."""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("security_keys", sa.JSON()))
    op.create_table(
        "key_challenges",
        sa.Column("challenge_sha256", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_key_challenges_person_id", "key_challenges", ["person_id"])
