"""Which tables a database has."""

from sqlalchemy import Connection, inspect, text

NEWEST = "0055"
"""The revision of this program's tables."""


def revision(connection: Connection) -> str | None:
    """What the tables say of themselves; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
