"""Upgrades a database from the tables of a former release to those of this one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, text, update

from ....jobs.storage.tables import engines, jobs
from . import release_2026_11_20
from .revisions import RELEASED, not_known, revision

SCRIPTS = Path(__file__).parent
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('migration', 0))")


def upgrade(engine: Engine, to: str = "head") -> None:
    """Apply the missing migrations, up to a revision, in one transaction. Of several processes one does
    it, the others wait."""
    config = _config()
    with engine.begin() as connection:
        several = connection.dialect.name == "postgresql"
        if several:
            connection.execute(LOCK)
        before = revision(connection)
        if before is not None:
            require_former(before)
        if before == RELEASED:
            release_2026_11_20.bring(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if several and before not in (None, revision(connection)):
            _end_leases(connection)


def require_former(found: str) -> str:
    """The revision, of this or a former release. Raises NotPossibleNow for one of a newer release, or of a
    program between two releases."""
    if is_known(found):
        return found
    raise not_known(found)


def is_known(revision: str) -> bool:
    """Whether the revision is of this release, or of a former one that it upgrades from."""
    scripts = ScriptDirectory.from_config(_config())
    return revision in {RELEASED, *(each.revision for each in scripts.walk_revisions())}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _end_leases(connection: Connection) -> None:
    """End all leases: a process of the former release writes nothing into the new tables; it has to join
    again, and checks them first."""
    now = func.clock_timestamp()
    connection.execute(update(engines).values(epoch=engines.c.epoch + 1, expires_at=now))
    held = update(jobs).where(jobs.c.claim_owner.is_not(None))
    connection.execute(held.values(claim_owner=None, claim_epoch=jobs.c.claim_epoch + 1))
