"""The release of 2026-11-20's database comes to the tables of this program in one step, on SQLite and on
PostgreSQL."""

import subprocess
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from rig.processes import ROOT
from secondsite.domain import errors
from secondsite.jobs.storage import tables as job_tables
from secondsite.vault.store import migrate
from secondsite.vault.store.lived import LIVED
from secondsite.vault.store.machines.records import MACHINES
from secondsite.vault.store.migration import NEWEST, release_2026_11_20, revisions
from secondsite.vault.store.sql.columns import metadata
from tests.support import released as release

MORE = """
INSERT INTO tokens VALUES ('admin', 'digest-of-it', '2026-11-20 12:00:00.000000');
INSERT INTO drill_notes (machine_id, notes, point_id, started_at, completed_at, requested_by)
SELECT id, '', 'p', '2026-11-02 08:00:00.000000', '2026-11-02 09:00:00.000000', 'ada' FROM machines WHERE name = 'batch-a';
INSERT INTO rpo_blocks SELECT id, '2026-11-20 11:50:00.000000', x'00ff01' FROM machines WHERE name = 'batch-a';
"""  # noqa: E501


@pytest.fixture
def brought(database, database_url):
    release.make(database_url, MORE)
    migrate(database_url)
    return database


def asked(database, words):
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(text(words)).all()]


def test_it_has_exactly_the_tables_of_the_program(brought):
    with brought.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, cast(Any, [metadata, job_tables.metadata]))
    assert [each for each in differences if "alembic_version" not in str(each)] == []
    assert asked(brought, "SELECT version_num FROM alembic_version") == [(NEWEST,)]


def test_it_has_the_columns_that_a_new_one_has(brought, tmp_path):
    from secondsite.jobs.storage import database

    url = f"sqlite:///{tmp_path / 'new.db'}"
    migrate(url)
    new = database.connect(url)
    fresh, found = inspect(new), inspect(brought)
    for name in fresh.get_table_names():
        wanted = [(each["name"], each["nullable"]) for each in fresh.get_columns(name)]
        assert [(each["name"], each["nullable"]) for each in found.get_columns(name)] == wanted
    new.dispose()


def test_what_it_kept_is_there(brought):
    machines = asked(brought, "SELECT name, start_ordered, claimed_by, job_id FROM machines ORDER BY name")
    assert len(machines) == 17
    assert {name for name, started, _, _ in machines if not started} >= {"enable", "drill"}
    assert all(claimed == job for _, _, claimed, job in machines)
    assert asked(brought, "SELECT count(*) FROM machine_points") == [(29,)]
    assert asked(brought, 'SELECT "first", "second", reverse_after_commit FROM site_pairs') == [
        ("a", "b", False)
    ]
    [(roles, identity)] = asked(brought, "SELECT CAST(roles AS TEXT), id FROM tokens")
    assert (roles, len(identity)) == ('["contributor", "access_administrator"]', 32)
    assert (
        asked(brought, "SELECT count(*) FROM audit_ends")
        == asked(brought, "SELECT count(*) FROM approval_rules")
        == [(1,)]
    )
    with brought.connect() as connection:
        [at] = connection.execute(LIVED.select().with_only_columns(LIVED.c.at)).one()
        drilled = (
            MACHINES.select().with_only_columns(MACHINES.c.drilled_at).where(MACHINES.c.name == "batch-a")
        )
        assert connection.execute(drilled).scalar_one() == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert at == datetime(2026, 11, 20, 11, 50, tzinfo=UTC)


def test_a_step_that_fails_leaves_the_release_its_database(database, database_url, monkeypatch):
    def fail(_connection):
        raise errors.StoreUnavailable("the power went")

    release.make(database_url)
    with monkeypatch.context() as broken, pytest.raises(errors.StoreUnavailable):
        broken.setattr(release_2026_11_20, "_move_points", fail)
        migrate(database_url)
    assert asked(database, "SELECT version_num FROM alembic_version") == [(revisions.RELEASED,)]
    assert "properties" in {each["name"] for each in inspect(database).get_columns("machines")}
    migrate(database_url)
    assert asked(database, "SELECT version_num FROM alembic_version") == [(NEWEST,)]


@pytest.mark.parametrize("between", ["0001", "0006", "0054"])
def test_one_of_a_day_between_is_refused_and_left_as_it_is(database, database_url, between):
    migrate(database_url)
    with database.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{between}'"))
    with pytest.raises(errors.NotPossibleNow, match=f"older than release .* revision {between}") as refused:
        migrate(database_url)
    assert f"git checkout {revisions.LAST_BEFORE}" in refused.value.do
    assert asked(database, "SELECT version_num FROM alembic_version") == [(between,)]


def test_the_program_that_is_named_brings_it_to_the_baseline():
    path = "src/secondsite/vault/store/migration/revisions.py"
    words = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "-C",
        str(ROOT),
        "show",
        f"{revisions.LAST_BEFORE}:{path}",
    ]
    try:
        shown = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("there is no git")
    if shown.returncode != 0:
        pytest.skip("that program is not in the history of this checkout")
    assert f'NEWEST = "{revisions.BASELINE}"' in shown.stdout
