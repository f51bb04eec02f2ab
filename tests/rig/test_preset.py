"""A copied database is what the migrations make."""

import contextlib
import sqlite3

import pytest
from alembic import command

from rig import preset
from secondsite.vault.store import migrate
from tests.support import released as releases


def dump(path):
    with contextlib.closing(sqlite3.connect(path)) as file:
        return list(file.iterdump())


@pytest.fixture
def migrations(monkeypatch):
    """How often the migrations ran."""
    ran: list[object] = []
    real = command.upgrade

    def counted(*words):
        ran.append(words)
        real(*words)

    monkeypatch.setattr(command, "upgrade", counted)
    monkeypatch.setattr(preset, "_kept", [])
    return ran


def test_the_second_database_is_a_copy_of_the_first_which_the_migrations_made(tmp_path, migrations):
    files = [tmp_path / f"{name}.db" for name in ("first", "copied")]
    with preset.in_use():
        for file in files:
            migrate(f"sqlite:///{file}")
    assert len(migrations) == 1
    assert dump(files[0]) == dump(files[1]) != []
    with contextlib.closing(sqlite3.connect(files[1])) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_database_of_a_former_release_is_migrated_not_copied(tmp_path, migrations):
    with preset.in_use():
        migrate(f"sqlite:///{tmp_path / 'first.db'}")
        with contextlib.closing(sqlite3.connect(tmp_path / "former.db")) as file:
            file.executescript(releases.HALF_WAY.read_text())
        migrate(f"sqlite:///{tmp_path / 'former.db'}")
    assert len(migrations) == 2
    with contextlib.closing(sqlite3.connect(tmp_path / "former.db")) as file:
        assert file.execute("SELECT count(*) FROM machines").fetchone() == (17,)
