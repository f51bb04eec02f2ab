"""Copies the file of a vault on SQLite."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from ....domain import errors
from ....ground import durable
from ....ground.lockfile import LockFile

FILE = "vault.db"
BUSY_SECONDS = 20.0
BESIDE = ("-wal", "-shm", "-journal")


def copy_out(url: str, folder: Path) -> str:
    """Copy the database in one step: writers go on meanwhile, and what they write is not in the copy."""
    source = _file(url)
    with _translated(source), contextlib.closing(_opened(source)) as database:
        with contextlib.closing(sqlite3.connect(folder / FILE)) as copy:
            database.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")
            return _looked_at(copy, source)


def _opened(source: Path) -> sqlite3.Connection:
    """A connection. Raises NotFound for a missing file, which SQLite would create."""
    if not source.exists():
        raise errors.NotFound(
            f"There is no database {source}.", do="Look at 'database_url' in the home's vault.json."
        )
    return sqlite3.connect(source, timeout=BUSY_SECONDS)


def copy_in(url: str, folder: Path) -> None:
    """Replace the file with the copy."""
    target = _file(url)
    for beside in BESIDE:
        durable.remove(target.with_name(target.name + beside))
    durable.sync_file(folder / FILE)
    (folder / FILE).replace(target)
    durable.sync_folder(target.parent)


def is_served(url: str) -> bool:
    if not _file(url).exists():
        return False
    lock = LockFile(_file(url).with_name(f"{_file(url).name}.engine"))
    taken = lock.take()
    lock.release()
    return not taken


def _looked_at(copy: sqlite3.Connection, source: Path) -> str:
    """The revision of undamaged tables; raises for a damaged copy, which is worse than none."""
    said = [row[0] for row in copy.execute("PRAGMA quick_check(1)")]
    if said != ["ok"]:
        raise errors.StoreUnavailable(
            f"The database {source} is damaged: {said[0]}. No backup was made of it.",
            do="Restore the last good backup: 'secondsite vault backup --list'.",
        )
    return str(copy.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _file(url: str) -> Path:
    return Path(make_url(url).database or "")


@contextlib.contextmanager
def _translated(source: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise errors.StoreUnavailable(
            f"The database {source} could not be copied: {error}.",
            do="Look at the file, and at the free space.",
        ) from error
