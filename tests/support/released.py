"""A vault's database as the release of 2026-11-20 left it, on SQLite and on PostgreSQL."""

import contextlib
import sqlite3
from pathlib import Path

from sqlalchemy import DateTime, MetaData, create_engine, make_url
from sqlalchemy.pool import StaticPool

HALF_WAY = Path(__file__).parents[1] / "vault" / "operations" / "first_release" / "half_way.sql"


def make(url, more=""):
    """In an empty database. `more`: SQL, of SQLite."""
    script = HALF_WAY.read_text() + more
    if make_url(url).get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(str(make_url(url).database))) as file:
            file.executescript(script)
        return
    memory = create_engine("sqlite://", poolclass=StaticPool)
    with memory.connect() as source:
        driver = source.connection.driver_connection
        assert driver is not None
        driver.executescript(script)
        tables = MetaData()
        tables.reflect(source)
        engine = create_engine(url, connect_args={"options": "-c timezone=utc"})
        with engine.begin() as target:
            rows = {
                name: [dict(row) for row in source.execute(table.select()).mappings()]
                for name, table in tables.tables.items()
            }
            for table in tables.tables.values():
                for column in table.columns:
                    kind = column.type.as_generic()
                    column.type = DateTime(timezone=True) if isinstance(kind, DateTime) else kind
                    column.server_default = None
            tables.create_all(target)
            for table in tables.sorted_tables:
                if rows[table.name]:
                    # a job before its children
                    in_order = sorted(rows[table.name], key=lambda row: row.get("parent_job_id") is not None)
                    target.execute(table.insert(), in_order)
        engine.dispose()
    memory.dispose()
