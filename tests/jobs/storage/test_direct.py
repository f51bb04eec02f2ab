"""A transaction of prepared statements is the driver's own. It is one transaction all the same, whatever
else needs it."""

import contextlib
import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy import bindparam, exc, insert, select

from rig.background import Background
from secondsite.jobs.storage.database import READ_ONLY, connect
from secondsite.jobs.storage.prepared import PreparedStatement, driver_transaction
from secondsite.jobs.storage.sessions import begin, transaction

metadata = sa.MetaData()
parents = sa.Table("parents", metadata, sa.Column("id", sa.Integer, primary_key=True))
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent", sa.ForeignKey("parents.id", deferrable=True, initially="DEFERRED")),
)
ADD = PreparedStatement(
    insert(notes).values(id=bindparam("number"), parent=bindparam("of", type_=sa.Integer))
)
ALL = PreparedStatement(select(notes.c.id).order_by(notes.c.id))


@pytest.fixture
def db(tmp_path):
    db = connect(f"sqlite:///{tmp_path / 'notes.db'}")
    metadata.create_all(db)
    yield db
    db.dispose()


def add(session, number, of=None):
    ADD.change(session, {"number": number, "of": of})


def kept(db):
    with transaction(db.execution_options(**READ_ONLY)) as session:
        return [row["id"] for row in ALL.all(session, {})]


def test_prepared_statements_need_no_connection_of_sqlalchemy(db):
    with transaction(db) as session:
        add(session, 1)
        assert getattr(session, "direct", None) is not None
    assert kept(db) == [1]


def test_what_was_begun_by_the_driver_goes_on_with_sqlalchemy(db):
    with transaction(db) as session:
        add(session, 1)
        session.execute(insert(notes).values(id=2))
        add(session, 3)
        assert list(session.execute(select(notes.c.id)).scalars()) == [1, 2, 3]
    assert kept(db) == [1, 2, 3]


@pytest.mark.parametrize("goes_on", [True, False])
def test_nothing_is_kept_of_a_transaction_that_raises(db, goes_on):
    with pytest.raises(ZeroDivisionError), transaction(db) as session:
        add(session, 1)
        if goes_on:
            session.execute(insert(notes).values(id=2))
        raise ZeroDivisionError
    assert kept(db) == []
    with transaction(db) as session:
        add(session, 3)
    assert kept(db) == [3], "the next one has the turn"


def test_of_a_transaction_that_was_rolled_back_nothing_is_kept_and_nothing_comes_after(db):
    with transaction(db) as session:
        add(session, 1)
        session.rollback()
        with pytest.raises(AssertionError, match="committed at once"):
            add(session, 2)
    assert kept(db) == []
    with transaction(db) as session:
        add(session, 3)
    assert kept(db) == [3]


def test_a_commit_that_is_refused_raises_what_sqlalchemy_raises(db):
    with pytest.raises(exc.IntegrityError), transaction(db) as session:
        add(session, 1, of=7)
    assert kept(db) == []
    with transaction(db) as session:
        add(session, 2)
    assert kept(db) == [2]


def test_a_transaction_that_only_reads_waits_for_no_writer(db):
    with transaction(db) as session:
        add(session, 1)
        assert kept(db) == []
    assert kept(db) == [1]


def test_writers_take_turns(db):
    def write(first):
        for number in range(first, first + 50):
            with transaction(db) as session:
                add(session, number)
                if number % 3 == 0:
                    session.execute(select(parents.c.id)).all()

    works = {f"from {first}": lambda first=first: write(first) for first in (0, 50, 100, 150)}
    with Background(works, within_seconds=60):
        pass
    assert kept(db) == list(range(200))


@pytest.mark.parametrize("name", ["begin", "commit", "rollback"])
def test_whoever_listens_to_transactions_hears_of_all(db, name):
    heard: list[object] = []
    sa.event.listen(db, name, heard.append)
    with transaction(db) as session:
        add(session, 1)
    with pytest.raises(ZeroDivisionError), transaction(db) as session:
        add(session, 2)
        raise ZeroDivisionError
    assert len(heard) == {"begin": 2, "commit": 1, "rollback": 1}[name]
    assert driver_transaction.opened(db) is None


@pytest.mark.parametrize("reads", [True, False])
def test_a_transaction_begins_before_its_first_statement_where_it_is_asked_to(db, reads):
    with transaction(db.execution_options(**READ_ONLY) if reads else db) as session:
        begin(session)
        own = getattr(session, "direct", None)
        assert own is not None, "and needs no connection of SQLAlchemy for it"
        assert own.driver.in_transaction
        with contextlib.closing(sqlite3.connect(db.url.database, timeout=0)) as other:
            if reads:
                other.execute("BEGIN IMMEDIATE")
                return
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
