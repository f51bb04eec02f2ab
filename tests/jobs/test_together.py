"""How the engine asks its database. Who waits to write to SQLite at the same time is written together; each
gets what is its own, good or bad. What goes to SQLite's driver itself says the same as through SQLAlchemy,
and a job's way hardly goes through that at all.
"""

import threading
from functools import partial

import pytest
import sqlalchemy as sa
from pydantic import JsonValue, RootModel
from sqlalchemy.orm import Session

from rig.background import Background
from rig.eventually import eventually
from secondsite.ground import threads
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition
from secondsite.jobs.model.failures import LeaseLost
from secondsite.jobs.storage import read, sessions, tables
from secondsite.jobs.storage.awaited_signals import AwaitedSignals
from secondsite.jobs.storage.database import WorkTurn, connect
from secondsite.jobs.storage.group_commit import GroupCommit
from secondsite.jobs.storage.prepared import PreparedStatement, SubsetQuery
from secondsite.jobs.storage.transactions import Transactions
from tests.jobs.support_jobs import Gate, JournalSpace, enter, waiting_job
from tests.support.statements import kinds, noted

STATEMENTS_OF_THREE_STEPS = 12
"""Through SQLAlchemy, from the claim to the end: it took 46. What is left asks for the next job, and keeps
the lease."""
ALL_OF_THREE_STEPS = 58
"""With those that go to the driver itself, beginnings and ends of transactions among them."""


@pytest.fixture
def file_room(tmp_path):
    db = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield JournalSpace(db)
    db.dispose()


class Crowd:
    """Writers that all come while the first one is at work."""

    def __init__(self, room):
        self.room, self.transactions = room, Transactions(room.db)
        self.commits, self.results, self.problems = 0, {}, {}
        sa.event.listen(room.db, "commit", self._committed)

    def _committed(self, _connection):
        self.commits += 1

    def write(self, works):
        inside, goes_on = threading.Event(), threading.Event()

        def first(session):
            inside.set()
            assert goes_on.wait(20)
            return "first"

        crowd = [threads.worker("first", partial(self._one, "first", first))]
        crowd += [threads.worker(name, partial(self._one, name, work)) for name, work in works.items()]
        crowd[0].start()
        assert inside.wait(20)
        for each in crowd[1:]:
            each.start()
        together = self.transactions._together  # noqa: SLF001 nothing else tells that they wait
        assert together is not None
        eventually(lambda: len(together._asked) == len(works), 20)  # noqa: SLF001
        goes_on.set()
        for each in crowd:
            each.join(20)
        assert self.results.pop("first") == "first"

    def _one(self, name, work):
        try:
            self.results[name] = self.transactions.write(work)
        except BaseException as problem:  # LeaseLost is none of the usual ones
            self.problems[name] = problem


def entering(name):
    def work(session):
        enter(session, name)
        return name

    return work


def failing(problem):
    def work(session):
        enter(session, "never")
        raise problem

    return work


def test_ten_that_wait_are_written_in_one_transaction(file_room):
    crowd = Crowd(file_room)
    names = [f"w{n}" for n in range(10)]
    crowd.write({name: entering(name) for name in names})
    assert crowd.results == {name: name for name in names}
    assert sorted(file_room.entries()) == sorted(names)
    assert crowd.commits == 2, "the first one's, and one for all others"


@pytest.mark.parametrize("problem", [ValueError("refused"), LeaseLost("somebody")])
def test_of_one_that_fails_nothing_is_kept_and_the_others_are_written_all_the_same(file_room, problem):
    crowd = Crowd(file_room)
    crowd.write({"a": entering("a"), "bad": failing(problem), "b": entering("b")})
    assert crowd.problems == {"bad": problem}
    assert crowd.results == {"a": "a", "b": "b"}
    assert sorted(file_room.entries()) == ["a", "b"]


def test_what_was_committed_is_not_written_again_because_somebody_could_not_be_told(file_room):
    def closed(_session):
        raise RuntimeError("Event loop is closed")

    def untold(session):
        sessions.after_commit(session, closed)
        sessions.after_commit(session, lambda _session: told.append("told"))
        enter(session, "untold")

    told: list[str] = []
    crowd = Crowd(file_room)
    crowd.write({"a": entering("a"), "untold": untold})
    assert (crowd.problems, told) == ({}, ["told"])
    assert sorted(file_room.entries()) == ["a", "untold"]


def test_a_writer_that_fails_leaves_the_turn_to_the_next(file_room):
    transactions = Transactions(file_room.db)
    for _ in range(3):
        with pytest.raises(ValueError, match="refused"):
            transactions.write(failing(ValueError("refused")))
    transactions.write(entering("a"))
    assert file_room.entries() == ["a"]


def test_who_does_not_get_the_turn_in_time_is_told_that_the_database_is_locked(file_room, monkeypatch):
    monkeypatch.setattr("secondsite.jobs.storage.database.BUSY_SECONDS", 0.2)
    db = connect(str(file_room.db.url))
    with db.begin(), pytest.raises(sa.exc.OperationalError, match="database is locked"), db.begin():
        raise AssertionError("it got the turn")
    with db.begin() as connection:
        connection.execute(sa.text("SELECT 1"))
    db.dispose()


def asked(db):
    """The statements that SQLAlchemy runs from now on."""
    statements = []
    sa.event.listen(db, "before_cursor_execute", lambda *how: statements.append(how[2]))
    return statements


def transactions(db):
    begun: list[object] = []
    sa.event.listen(db, "begin", begun.append)
    return begun


def test_a_row_has_the_same_values_as_through_sqlalchemy(room):
    engine = room.engine(Definition("v", (room.does("one"),)))
    job_id = room.submit(engine, "v", subject="m", subject_name="web01")
    engine.run_until_idle()
    for table, key in ((tables.jobs, tables.jobs.c.id), (tables.tasks, tables.tasks.c.job_id)):
        query = sa.select(table)
        with Session(room.db) as session:
            plain = [dict(row) for row in session.execute(query.where(key == job_id)).mappings()]
            prepared = PreparedStatement(query.where(key == sa.bindparam("wanted"))).all(
                session, {"wanted": job_id}
            )
        assert prepared == plain
        assert plain


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9, 64, 65, 256, 257, 600])
def test_a_query_for_some_of_many_gives_those(room, count):
    engine = room.engine(Definition("v", (room.does("only", commit=False),)))
    for number in range(12):
        room.submit(engine, "v", subject=f"m{number}")
    wanted = [f"m{number}" for number in range(10, 10 + count)]
    query = SubsetQuery(
        sa.select(tables.jobs.c.subject).order_by(tables.jobs.c.subject), tables.jobs.c.subject
    )
    with Session(room.db) as session:
        found = [row["subject"] for row in query.all(session, wanted)]
    assert found == ["m10", "m11"][:count]


def test_a_key_that_is_wanted_twice_gives_its_row_once(room):
    engine = room.engine(Definition("v", (room.does("only", commit=False),)))
    room.submit(engine, "v", subject="m0")
    query = SubsetQuery(sa.select(tables.jobs.c.subject), tables.jobs.c.subject)
    with Session(room.db) as session:
        found = list(query.all(session, [f"m{number}" for number in range(256)] * 2))
    assert found == [{"subject": "m0"}]


class Given(RootModel[dict[str, JsonValue]]):
    """As they are."""


def test_long_arguments_are_read_as_they_were_written(room):
    engine = room.engine(Definition("v", (room.does("only", commit=False),)))
    given = [{"many": [f"{mark}{number}" for number in range(2000)], "none": None} for mark in ("a", "ä")]
    ids = [room.submit(engine, "v", arguments=Given(each)) for each in given]
    assert [room.job(each).arguments for each in ids * 2] == given * 2


def test_a_statement_that_fails_raises_what_sqlalchemy_raises(room):
    nowhere = sa.table("nowhere", sa.column("id"))
    with Session(room.db) as session, pytest.raises(sa.exc.DBAPIError) as problem:
        PreparedStatement(sa.select(nowhere.c.id)).all(session, {})
    assert "nowhere" in str(problem.value.orig)


def test_a_jobs_way_hardly_goes_through_sqlalchemy(room):
    if room.db.dialect.name != "sqlite":
        pytest.skip("on PostgreSQL the statements are SQLAlchemy's")
    steps = tuple(room.does(name, commit=False) for name in ("one", "two", "three"))
    engine = room.engine(Definition("v", steps))
    job_id = room.submit(engine, "v")
    statements, said = asked(room.db), noted(room.db)
    engine.run_until_idle()
    assert 0 < len(statements) <= STATEMENTS_OF_THREE_STEPS, statements
    assert len(said) <= ALL_OF_THREE_STEPS, kinds(said)
    assert room.job(job_id).state is JobState.SUCCEEDED


def test_a_signal_that_nobody_can_wait_for_does_not_ask_the_database(room):
    if room.db.dialect.name != "sqlite":
        pytest.skip("on PostgreSQL others write waits, too")
    gate = Gate(poll_seconds=1000, deadline_seconds=1000)
    before, job_id = waiting_job(room, gate)
    before.run_until_idle()
    engine = room.engine(*before._catalogue._definitions.values(), workers=0)  # noqa: SLF001 the same ones
    engine.start()
    begun = transactions(room.db)
    assert engine.signal("nobody's") == 0
    assert begun == []
    assert engine.signal("gate") == 1, f"{job_id} was written down as waiting before this engine began"
    assert begun != []


def test_of_the_waits_that_were_noted_only_those_that_are_there_are_kept(room):
    gate = Gate(poll_seconds=1000, deadline_seconds=1000)
    engine, _ = waiting_job(room, gate)
    engine.run_until_idle()
    waited = AwaitedSignals(most=3)
    with Session(room.db) as session, session.begin():
        assert waited.may_wait("anything")
        waited.begin(session)
        for number in range(3):
            waited.note(session, f"signal-{number}")
    known = {each for each in ("gate", "signal-0", "signal-1", "signal-2", "other") if waited.may_wait(each)}
    assert known == {"gate", "signal-2"}


@pytest.mark.parametrize("fails", [True, False])
def test_what_waits_for_a_commit_is_done_if_it_commits(room, fails):
    done = []
    try:
        with sessions.transaction(room.db) as session:
            enter(session, "one")
            sessions.before_commit(session, lambda within: enter(within, "two"))
            sessions.after_commit(session, lambda _session: done.append("told"))
            if fails:
                raise ValueError("refused")
    except ValueError:
        assert fails
    assert done == ([] if fails else ["told"])
    assert room.entries() == ([] if fails else ["one", "two"])
    assert room.look(read.find, "nobody") is None


def test_who_writes_for_all_computes_in_its_turn(file_room):
    """Beside a thread that ran a step, every statement of both gave the interpreter's lock to and fro."""
    turn, begun, is_taken = WorkTurn(60), threading.Event(), threading.Event()
    together = GroupCommit(file_room.db, lambda _session: begun.set(), turn)

    def write():
        assert is_taken.wait(20)
        together.do(entering("a"))

    with Background({"writes": write}, 20):
        with turn.taken():
            is_taken.set()
            eventually(lambda: threads_that_wait(turn) == 1, 20)
            assert not begun.is_set()
        assert begun.wait(20)
    assert file_room.entries() == ["a"]


def threads_that_wait(turn):
    return len(turn._changed._waiters)  # noqa: SLF001 nothing else tells
