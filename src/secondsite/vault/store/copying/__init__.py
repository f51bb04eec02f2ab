"""Copies of a vault's database as files, of one instant, made while the vault runs; and databases made from
such files.

Its rooms:

    sqlite      the file, by SQLite's own online backup
    postgresql  each table's rows, all of one snapshot
    marks       marks a copy, so that a database made from it is recognized as restored
"""

from pathlib import Path

from sqlalchemy import make_url

from ....jobs.storage import database
from ....jobs.storage.sessions import transaction
from ..sql.failures import translated
from . import marks, postgresql, sqlite
from .marks import show_restored

__all__ = ["copy_in", "copy_out", "is_served", "require_empty", "show_restored"]


def copy_out(url: str, folder: Path) -> str:
    """Write the database into an existing folder; gives the revision of its tables. Raises StoreUnavailable,
    and NotFound for a database without tables."""
    return sqlite.copy_out(url, folder) if _is_file(url) else postgresql.copy_out(url, folder)


def require_empty(url: str) -> None:
    """Raises NotPossibleNow for a PostgreSQL database that a vault uses: its contents are never
    overwritten."""
    if not _is_file(url):
        postgresql.require_empty(url)


def copy_in(url: str, folder: Path, revision: str) -> None:
    """Make the database from what `copy_out` has written. Raises NotPossibleNow and StoreUnavailable."""
    if _is_file(url):
        sqlite.copy_in(url, folder)
    else:
        postgresql.copy_in(url, folder, revision)


def is_served(url: str, vault_id: str) -> bool:
    """Whether this vault process runs on the database; for a file, whether any does. Raises
    StoreUnavailable."""
    if _is_file(url):
        return sqlite.is_served(url)
    db = database.connect(url)
    try:
        with translated(), transaction(db) as session:
            return marks.is_served(session, f"vault-{vault_id}")
    finally:
        db.dispose()


def _is_file(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"
