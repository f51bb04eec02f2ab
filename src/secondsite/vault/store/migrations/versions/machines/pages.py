"""One index answers which machines a page has, whatever it is filtered by."""

from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_machines_page",
        "machines",
        ["name", "id", "version", "state", "policy", "group", "source_site", "target_site"],
    )
    op.drop_index("ix_machines_name", "machines")
