"""An engine that is alone with its database writes no more than it has to."""

import contextlib
import ctypes
import ctypes.util
from datetime import timedelta

import sqlalchemy
from sqlalchemy import select, update

from secondsite.ground.units import KiB
from secondsite.jobs.storage.database import READ_ONLY, connect, give_back
from secondsite.jobs.storage.lease import ALONE_SECONDS, Membership
from secondsite.jobs.storage.tables import engines, metadata
from secondsite.jobs.storage.transactions import Transactions
from tests.support.statements import noted

SECOND = timedelta(seconds=1)


def opened(tmp_path):
    db = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    metadata.create_all(db)
    return db


def test_a_lease_that_nobody_else_waits_for_is_written_once_a_minute(tmp_path):
    db = opened(tmp_path)
    membership = Membership(db, Transactions(db), "alone", 5.0)
    membership.join()
    said = noted(db)
    membership.renew()
    assert said, "it looked"
    assert changes(said) == []
    until = ends_at(db)
    half = update(engines).values(expires_at=until - ALONE_SECONDS / 2 * SECOND)
    with db.begin() as connection:
        connection.execute(half)
    said.clear()
    membership.renew()
    assert len(changes(said)) == 1
    assert ends_at(db) > until
    membership.leave()
    db.dispose()


def test_the_connection_that_was_used_last_is_used_first(tmp_path):
    """It knows pages of the database; what the others know is out of date."""
    db = opened(tmp_path)
    with db.connect() as one, db.connect() as other:
        first, last = one.connection.dbapi_connection, other.connection.dbapi_connection
        other.close()
        one.close()
    for _ in range(3):
        with db.connect() as again:
            assert again.connection.dbapi_connection is first
    assert first is not last
    db.dispose()


def test_connections_that_rest_hold_no_pages(tmp_path):
    db = opened(tmp_path)
    with db.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE many (what TEXT)")
        connection.exec_driver_sql("INSERT INTO many VALUES (:what)", [{"what": "x" * 4000}] * 1000)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(db.execution_options(**READ_ONLY).connect())
            assert connection.exec_driver_sql("SELECT max(length(what)) FROM many").scalar() == 4000
    before = held_bytes()
    give_back(db)
    assert before - held_bytes() > 8 * 900 * KiB  # each holds 1,000 KiB at most
    db.dispose()


def test_connections_that_are_in_use_by_then_are_not_waited_for(tmp_path, monkeypatch):
    db = opened(tmp_path)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(db.connect())
    made: list[object] = []
    sqlalchemy.event.listen(db, "connect", lambda connection, _: made.append(connection))
    with contextlib.ExitStack() as others:
        raw_connection = db.raw_connection

        def beside_others():
            mine = raw_connection()
            while db.pool.checkedin():
                others.enter_context(db.connect())
            return mine

        monkeypatch.setattr(db, "raw_connection", beside_others)
        give_back(db)
    assert made == [], "it goes about those that rest"
    db.dispose()


def changes(said):
    """Of these statements."""
    return [each for each in said if not each.startswith(("SELECT", "BEGIN", "COMMIT", "ROLLBACK"))]


def held_bytes():
    """By SQLite, in this process."""
    sqlite = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
    sqlite.sqlite3_memory_used.restype = ctypes.c_int64
    return sqlite.sqlite3_memory_used()


def ends_at(db):
    with db.connect() as connection:
        return connection.execute(select(engines.c.expires_at)).scalar_one()
