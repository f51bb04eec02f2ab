"""From the tables of the release of 2026-11-20 to the baseline, in one step: the combined effect of all
changes between them on the data."""

import uuid
from collections.abc import Mapping

from sqlalchemy import Connection, Table, func, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from .versions import baseline

TABLES = baseline.metadata.tables

TITLES = {
    "Complete testing": "complete",
    "Consolidate disks": "consolidate",
    "Create test network": "create_network",
    "Import of the seed": "import_seed",
    "Leave out at the source": "leave_out",
    "Prerequisites check": "check",
    "Release at the target": "release",
    "Remove the failed-over machine": "remove_failed_over",
    "Remove the machine that was left": "remove_left",
    "Remove the test machine": "remove_machine",
    "Remove the test network": "remove_network",
    "Resynchronization": "resynchronize",
    "Start resynchronization": "start",
    "Synchronize the last changes": "final_cycle",
    "Test failover": "choose",
    "Verify recovery point": "verify",
}
TITLES_OF_ONE_VERB = {
    ("planned_failover", "Synchronize"): "pre_copy",
    ("reprotect", "Shut down"): "withdraw",
}
"""That release knew a step only by its title. Its key is made of the title's words, except for these."""
ALL_ROLES = ["contributor", "access_administrator"]
NEVER_STARTED = ("enabling", "initial_replicating", "protected")
WIDER = {
    "appliances": ("name",),
    "drill_notes": ("point_id",),
    "machines": ("name", "source_fabric_id", "target_fabric_id", "failed_over_point_id", "epoch"),
    "network_mappings": ("source_network", "target_network"),
}
"""Columns that became wider. (SQLite has no widths.)"""


def bring(connection: Connection) -> None:
    """Upgrade within the caller's transaction."""
    _reshape(connection)
    _name_steps(connection)
    _complete_machines(connection)
    _complete_tokens(connection)
    _move_points(connection)
    baseline.begin(connection)
    connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": baseline.revision})


def _reshape(connection: Connection) -> None:
    former = set(inspect(connection).get_table_names())
    baseline.metadata.create_all(connection)
    for change in (
        "ALTER TABLE job_tasks RENAME COLUMN name TO key",
        "ALTER TABLE machines DROP COLUMN properties",
        "DROP INDEX ix_jobs_parent_job_id",
        "DROP INDEX ix_machines_name",
    ):
        connection.execute(text(change))
    for table in baseline.metadata.sorted_tables:
        if table.name in former:
            _complete(connection, table)
    if connection.dialect.name == "postgresql":
        for name, columns in WIDER.items():
            for column in columns:
                kind = TABLES[name].c[column].type.compile(connection.dialect)
                connection.execute(text(f"ALTER TABLE {name} ALTER COLUMN {column} TYPE {kind}"))


def _complete(connection: Connection, table: Table) -> None:  # type: ignore[explicit-any]
    """Add the columns and indexes that the table has since then."""
    there = inspect(connection)
    columns = {each["name"] for each in there.get_columns(table.name)}
    for column in table.columns:
        if column.name not in columns:
            made = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {made}"))
    indexes = {each["name"] for each in there.get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)


def _name_steps(connection: Connection) -> None:
    """Add the keys of steps. A job that is in progress goes on, and keeps the titles that it had."""
    tasks, jobs = TABLES["job_tasks"].c, TABLES["jobs"].c
    connection.execute(
        text("UPDATE job_tasks SET title = CASE kind WHEN 'undo' THEN 'Undo: ' || key ELSE key END")
    )
    steps = select(jobs.name, tasks.key).join(TABLES["jobs"], tasks.job_id == jobs.id).distinct()
    for job, title in connection.execute(steps.select_from(TABLES["job_tasks"])).all():
        key = TITLES_OF_ONE_VERB.get((job, title)) or TITLES.get(title) or title.lower().replace(" ", "_")
        of_job = tasks.job_id.in_(select(jobs.id).where(jobs.name == job))
        connection.execute(update(TABLES["job_tasks"]).where(of_job, tasks.key == title).values(key=key))


def _complete_machines(connection: Connection) -> None:
    machines = TABLES["machines"]
    connection.execute(update(machines).values(claimed_by=machines.c.job_id))
    # the release did not record whether it had ordered a start
    started = machines.c.state.not_in(NEVER_STARTED)
    connection.execute(update(machines).where(started).values(start_ordered=True))
    notes = TABLES["drill_notes"].c
    last = select(func.max(notes.completed_at)).where(notes.machine_id == machines.c.id)
    connection.execute(update(machines).values(drilled_at=last.scalar_subquery()))
    # between sites that had machines before, reverse replication does not begin by itself
    ways = select(machines.c.source_site, machines.c.target_site).distinct()
    pairs = {(min(way), max(way)) for way in connection.execute(ways).all()}
    for first, second in pairs:
        made = {"first": first, "second": second, "reverse_after_commit": False}
        connection.execute(insert(TABLES["site_pairs"]).values(made))


def _complete_tokens(connection: Connection) -> None:
    """Existing tokens keep all their rights."""
    tokens = TABLES["tokens"]
    for name in connection.execute(select(tokens.c.name)).scalars().all():
        values = {"id": uuid.uuid4().hex, "issued_at": tokens.c.created_at, "roles": ALL_ROLES}
        connection.execute(update(tokens).where(tokens.c.name == name).values(values))


def _move_points(connection: Connection) -> None:
    """Move points out of the targets' statuses, machine by machine: there may be thousands."""
    statuses, points = TABLES["machine_statuses"], TABLES["machine_points"]
    of = statuses.c.machine_id
    for machine_id in connection.execute(select(of)).scalars().all():
        replica = connection.execute(select(statuses.c.replica).where(of == machine_id)).scalar()
        if isinstance(replica, dict) and replica.get("points"):
            rows = [_point(machine_id, *each) for each in enumerate(replica["points"])]
            connection.execute(insert(points), rows)
            connection.execute(
                update(statuses).where(of == machine_id).values(replica={**replica, "points": []})
            )


def _point(machine_id: str, number: int, point: Mapping[str, object]) -> dict[str, object]:
    place = {"epoch": point.get("epoch", 0), "seq": point.get("seq", 0)}
    return {"machine_id": machine_id, "number": number, **place, "point": point}
