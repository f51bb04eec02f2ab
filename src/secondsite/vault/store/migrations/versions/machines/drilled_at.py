"""When a test failover of a machine last came to its end: lists tell who was never drilled."""

import sqlalchemy as sa
from alembic import op

from secondsite.vault.store.columns import UtcDateTime

revision = "0034"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machines", sa.Column("drilled_at", UtcDateTime, nullable=True))
    op.execute(
        "UPDATE machines SET drilled_at = (SELECT max(completed_at) FROM drill_notes"
        " WHERE drill_notes.machine_id = machines.id)"
    )
