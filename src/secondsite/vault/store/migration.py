"""Bring a database to the tables of this program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, text, update

from ...domain import errors
from ...jobs.storage import database
from ...jobs.storage.tables import engines, jobs
from .failures import translated

SCRIPTS = Path(__file__).parent / "migrations"
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('migration', 0))")


def migrate(url: str) -> None:
    """Apply the missing migrations in one transaction; harmless when there are none. Of several processes one does it, the
    others wait.

    Raises StoreUnavailable when the database does not answer, NotPossibleNow when it is a newer release's.
    """
    engine = database.connect(url)
    try:
        with translated():
            upgrade(engine)
    finally:
        engine.dispose()


def upgrade(engine: Engine, to: str = "head") -> None:
    """The same on an engine that is open, up to a revision."""
    config = _config()
    with engine.begin() as connection:
        several = connection.dialect.name == "postgresql"
        if several:
            connection.execute(LOCK)
        before = require_known(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if several and before not in (None, _revision(connection)):
            _end_leases(connection)


def require_known(connection: Connection) -> str | None:
    """The revision of the tables; None for no tables. Raises NotPossibleNow for one of a newer release."""
    found = _revision(connection)
    scripts = ScriptDirectory.from_config(_config())
    if found is None or found in {each.revision for each in scripts.walk_revisions()}:
        return found
    raise errors.NotPossibleNow(
        f"A newer release has changed the vault's database: its tables are those of revision {found}, and this program knows them "
        f"up to {newest()}.",
        do="Upgrade this vault process to the release of the others, then start it.",
    )


def newest() -> str | None:
    """The revision of this program's tables."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("recursive_version_locations", "true")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _end_leases(connection: Connection) -> None:
    """A process of the former release writes nothing into the new tables: it has to join again, and looks at them first."""
    now = func.clock_timestamp()
    connection.execute(update(engines).values(epoch=engines.c.epoch + 1, expires_at=now))
    held = update(jobs).where(jobs.c.claim_owner.is_not(None))
    connection.execute(held.values(claim_owner=None, claim_epoch=jobs.c.claim_epoch + 1))
