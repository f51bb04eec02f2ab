"""The time that the vault has lived through, as far as its newest record of an RPO shows. A drill schedule knows who made it, and which
plan of its name it is for."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

PLAN = "SELECT created_at FROM plans WHERE plans.name = {named}"
NAMED = {"sqlite": "json_extract(schedule, '$.plan')", "postgresql": "schedule ->> 'plan'"}


def upgrade() -> None:
    op.create_table(
        "lived",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("INSERT INTO lived SELECT 1, COALESCE(MAX(begins_at), CURRENT_TIMESTAMP) FROM rpo_blocks")
    op.add_column("drill_schedules", sa.Column("maker_id", sa.String(64), nullable=True))
    op.add_column("drill_schedules", sa.Column("plan_made_at", sa.DateTime(timezone=True), nullable=True))
    named = NAMED[op.get_bind().dialect.name]
    op.execute(f"UPDATE drill_schedules SET plan_made_at = ({PLAN.format(named=named)})")
