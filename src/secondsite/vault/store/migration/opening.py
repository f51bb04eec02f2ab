"""Opens a database with the tables of this program. Most databases have them already: for these Alembic and
its scripts, ten megabytes, are not loaded."""

from sqlalchemy import Connection

from ....jobs.storage import database
from ..sql.failures import translated
from .revisions import NEWEST, revision


def migrate(url: str) -> None:
    """Apply the missing migrations in one transaction; harmless when there are none. Of several processes one
    does it, the others wait.

    Raises StoreUnavailable when the database does not answer, NotPossibleNow when its tables are a newer
    release's, or those of a program between two releases.
    """
    engine = database.connect(url)
    try:
        with translated():
            with engine.connect() as connection:
                found = revision(connection)
            if found != NEWEST:
                from . import upgrading

                upgrading.upgrade(engine)
    finally:
        engine.dispose()


def require_known(connection: Connection) -> str | None:
    """The revision of the tables; None for no tables. Raises NotPossibleNow as `migrate` does."""
    found = revision(connection)
    if found in (None, NEWEST):
        return found
    from . import upgrading

    return upgrading.require_former(found)


def is_known(revision: str) -> bool:
    """Whether this program can upgrade tables of this revision to its own."""
    if revision == NEWEST:
        return True
    from . import upgrading

    return upgrading.is_known(revision)
