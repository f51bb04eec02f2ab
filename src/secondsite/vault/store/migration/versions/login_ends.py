"""The end that a command line's session has from the session that let it in."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login_requests", sa.Column("last", sa.DateTime(timezone=True)))
