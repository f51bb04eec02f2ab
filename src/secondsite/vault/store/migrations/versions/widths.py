"""Numbers that others said as far as SQLite, which knows no widths, held them already; and names as long as others may say them; and what of an appliance was not believed."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

NUMBERS = {
    "machines": ("epoch", "generation", "drill_generation"),
    "machine_statuses": ("generation", "drill_generation"),
    "machine_points": ("epoch", "seq"),
    "lineage": ("number",),
}
NAMES = {
    "appliances": ("name",),
    "machines": ("name", "source_fabric_id", "target_fabric_id", "failed_over_point_id"),
    "network_mappings": ("source_network", "target_network"),
    "drill_notes": ("point_id",),
}


def upgrade() -> None:
    op.add_column("appliances", sa.Column("disbelieved", sa.JSON(none_as_null=True), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, columns in NUMBERS.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.BigInteger())
    for table, columns in NAMES.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.String(255))
