"""Points are rows of their own, and so are the figures that change with every cycle."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_figures",
        sa.Column("machine_id", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replica", sa.Text(), nullable=True),
        sa.Column("replica_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("machine_id"),
        sqlite_with_rowid=False,
    )
    points = op.create_table(
        "machine_points",
        sa.Column("machine_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("point", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("machine_id", "number"),
        sqlite_with_rowid=False,
    )
    _move(points)


def _move(points: sa.Table) -> None:  # type: ignore[explicit-any]
    """Machine by machine: a status may hold thousands of points."""
    statuses = sa.table(
        "machine_statuses", sa.column("machine_id"), sa.column("replica", sa.JSON(none_as_null=True))
    )
    of = statuses.c.machine_id
    bind = op.get_bind()
    for machine_id in [row[0] for row in bind.execute(sa.select(of))]:
        replica = bind.execute(sa.select(statuses.c.replica).where(of == machine_id)).scalar()
        if isinstance(replica, dict) and replica.get("points"):
            bind.execute(points.insert(), [_row(machine_id, *each) for each in enumerate(replica["points"])])
            moved = {**replica, "points": []}
            bind.execute(statuses.update().where(of == machine_id).values(replica=moved))


def _row(machine_id: str, number: int, point: dict[str, object]) -> dict[str, object]:
    place = {"epoch": point.get("epoch", 0), "seq": point.get("seq", 0)}
    return {"machine_id": machine_id, "number": number, **place, "point": point}
