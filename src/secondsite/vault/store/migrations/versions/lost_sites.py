"""Whether the failed-over machine was ever ordered to start: if not, nothing has to be taken back at a site that is lost."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NEVER_STARTED = ("enabling", "initial_replicating", "protected")


def upgrade() -> None:
    op.add_column(
        "machines", sa.Column("start_ordered", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    # an older vault did not write it down
    machines = sa.table("machines", sa.column("state"), sa.column("start_ordered", sa.Boolean()))
    op.execute(machines.update().where(machines.c.state.not_in(NEVER_STARTED)).values(start_ordered=True))
