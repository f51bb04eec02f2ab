"""Bring a database to the tables of this program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from ...jobs.storage import database
from .failures import translated

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(url: str) -> None:
    """Apply the missing migrations in one transaction; harmless when there are none.

    Raises StoreUnavailable when the database does not answer.
    """
    engine = database.connect(url)
    try:
        with translated():
            upgrade(engine)
    finally:
        engine.dispose()


def upgrade(engine: Engine, to: str = "head") -> None:
    """The same on an engine that is open, up to a revision."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("recursive_version_locations", "true")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
