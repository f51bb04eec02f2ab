"""A vault's database as if the power had gone just now: in time old jobs are forgotten, jobs that wait are
too late and drills are cleaned up, as they are to be, and a fixture would show that and nothing else."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime

INSTANTS = {
    "jobs": ("created_at", "started_at", "ended_at", "ready_at"),
    "job_tasks": ("started_at", "ended_at", "waiting_since", "deadline_at"),
}


def make(path, stopped_at):
    """Jobs, tasks and open drills keep the age that they had when all was stopped (ISO 8601)."""
    later = datetime.now(UTC) - datetime.fromisoformat(stopped_at)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for table, columns in INSTANTS.items():
            for column in columns:
                _shift(database, table, column, lambda said: str(datetime.fromisoformat(said) + later))
        _shift(database, "machines", "drill", lambda said: _shifted_drill(said, later))


def _shift(database, table, column, shifted):
    rows = database.execute(f"select rowid, {column} from {table} where {column} is not null").fetchall()
    for row_id, said in rows:
        database.execute(f"update {table} set {column} = ? where rowid = ?", (shifted(said), row_id))


def _shifted_drill(said, later):
    drill = json.loads(said)
    if drill is None:
        return said
    return json.dumps(
        {**drill, "started_at": (datetime.fromisoformat(drill["started_at"]) + later).isoformat()}
    )
