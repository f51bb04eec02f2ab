"""A guest's database: what it acknowledged is there after a power cut, and its check finds what is not
whole."""

import contextlib
import sqlite3

import pytest

import guestkit
from guestkit import services
from tests.guestkit.running import running

COUNT = 3


@pytest.fixture
def database(tmp_path):
    """As a guest makes it, with some rows."""
    commit = (services.HERE / "commit.sql").read_text().replace(".once /run/row\n", "")
    with contextlib.closing(sqlite3.connect(tmp_path / "rows.db")) as opened:
        for script in ((services.HERE / "schema.sql").read_text(), *[commit] * COUNT):
            opened.executescript(script)
        yield opened


def said(database):
    ((text,),) = database.execute(services.ROWS_CHECK)
    return text


def test_a_database_that_is_whole_says_how_many_rows_it_has(database):
    assert said(database) == f"ROWS {COUNT} ok"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DELETE FROM rows WHERE number = 2", "2 rows, the highest is 3, the total says 3"),
        ("UPDATE total SET rows = 4", "3 rows, the highest is 3, the total says 4"),
        ("UPDATE rows SET content = 'other' WHERE number = 1", "1.0 rows hold something else"),
    ],
    ids=["a row is missing", "a part of a transaction", "another content"],
)
def test_its_check_finds_what_is_not_whole(database, damage, why):
    database.executescript(damage)
    assert said(database) == f"BAD rows: {why}"


def test_its_check_finds_a_damaged_byte_of_its_index(database, tmp_path):
    database.close()
    file = tmp_path / "rows.db"
    content = file.read_bytes()
    before, after = content.rsplit(b"2000006", 1)
    file.write_bytes(before + b"2000007" + after)
    with contextlib.closing(sqlite3.connect(file)) as again:
        assert said(again) == "BAD rows: row 2 missing from index by_content"


@pytest.mark.every
@pytest.mark.guest
@pytest.mark.longest
def test_a_killed_qemu_loses_no_acknowledged_row(tmp_path):
    disk = guestkit.make_disk(tmp_path / "disk.qcow2")
    acknowledged = 0
    for boot in range(1, 4):
        with running(tmp_path, [disk], kind=guestkit.Kind.SQLITE, records_per_second=8) as guest:
            found = guest.console.wait_for_boot(boot)
            assert found.complaints == ()
            assert acknowledged <= found.verified_rows <= acknowledged + 1
            guest.console.wait_for(lambda seen, goal=acknowledged + 7: seen.last_row >= goal)
            guest.process.kill()
            guest.process.wait(10)
            acknowledged = guest.console.last_row
