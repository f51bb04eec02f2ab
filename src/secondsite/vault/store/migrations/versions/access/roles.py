"""Tokens have roles, a scope, an end, and a secret that may be replaced. Those that are there keep all that they could do."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ALL = ["contributor", "access_administrator"]


def upgrade() -> None:
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("id", sa.String(64), nullable=False, server_default=""))
        tokens.add_column(
            sa.Column(
                "roles", sa.JSON(), nullable=False, server_default='["contributor", "access_administrator"]'
            )
        )
        tokens.add_column(sa.Column("site", sa.String(63), nullable=True))
        tokens.add_column(sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True))
        tokens.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        tokens.add_column(sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
        tokens.add_column(sa.Column("former_sha256", sa.String(64), nullable=True))
        tokens.add_column(sa.Column("former_until", sa.DateTime(timezone=True), nullable=True))
    table = sa.table(
        "tokens", sa.column("name"), sa.column("id"), sa.column("created_at"), sa.column("issued_at")
    )
    names = [row.name for row in op.get_bind().execute(sa.select(table.c.name))]
    for name in names:
        values = {"id": uuid.uuid4().hex, "issued_at": table.c.created_at}
        op.execute(sa.update(table).where(table.c.name == name).values(values))
    op.create_index("ix_tokens_former_sha256", "tokens", ["former_sha256"])
