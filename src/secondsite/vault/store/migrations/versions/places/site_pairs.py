"""What holds between two sites. Where machines moved before, reverse replication does not begin by itself unasked."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pairs = op.create_table(
        "site_pairs",
        sa.Column("first", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("second", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("reverse_after_commit", sa.Boolean(), nullable=False),
    )
    known = sa.text("SELECT DISTINCT source_site, target_site FROM machines")
    # sorted here: databases order dashes by their own rules
    used = sorted({tuple(sorted(row)) for row in op.get_bind().execute(known)})
    if used:
        op.bulk_insert(
            pairs, [{"first": one, "second": other, "reverse_after_commit": False} for one, other in used]
        )
