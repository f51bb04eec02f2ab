"""A new vault's database, copied instead of migrated: each process migrates one, and gives its pages to those
that it makes later.

All migrations one after the other take a seventh of a second, which was two fifths of what a test of the
vault in one process took. What the migrations make is shown by tests/vault/store and tests/upgrade, for which
this is not `in_use`.
"""

import contextlib
import functools
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

JOURNAL_MODE = slice(18, 20)
"""Of the file's header; in memory there is no write-ahead log."""
_kept: list[bytes] = []


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Within, an empty SQLite database is upgraded to the newest tables by a copy."""
    from secondsite.vault.store.migration import upgrading

    real = upgrading.upgrade

    @functools.wraps(real)
    def upgrade(engine: "Engine", to: str = "head") -> None:
        if to != "head" or engine.dialect.name != "sqlite" or not _is_empty(engine):
            real(engine, to)
        elif _kept:
            _copy(_kept[0], engine)
        else:
            real(engine)
            _kept.append(_pages(engine))

    upgrading.upgrade = upgrade
    try:
        yield
    finally:
        upgrading.upgrade = real


def make() -> None:
    """Migrate one now, so that all that is forked from here on copies it."""
    from secondsite.vault.store import migrate

    with tempfile.TemporaryDirectory() as folder, in_use():
        migrate(f"sqlite:///{folder}/preset.db")


def _is_empty(engine: "Engine") -> bool:
    with _driver(engine) as connection:
        return not connection.execute("SELECT 1 FROM sqlite_master").fetchall()


def _pages(engine: "Engine") -> bytes:
    with _driver(engine) as connection:
        pages = bytearray(connection.serialize())
    pages[JOURNAL_MODE] = b"\x01\x01"
    return bytes(pages)


def _copy(pages: bytes, engine: "Engine") -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as made, _driver(engine) as connection:
        made.deserialize(pages)
        made.backup(connection)


@contextlib.contextmanager
def _driver(engine: "Engine") -> Iterator[Any]:
    with engine.connect() as connection:
        yield connection.connection.driver_connection
