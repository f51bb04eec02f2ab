"""Who waits to write to SQLite at the same time is written together; each gets what is its own, good or bad."""

import threading
from functools import partial

import pytest
import sqlalchemy as sa

from rig.eventually import eventually
from secondsite.ground import threads
from secondsite.jobs.model.failures import LeaseLost
from secondsite.jobs.storage.database import connect
from secondsite.jobs.storage.transactions import Transactions
from tests.jobs.support_jobs import JournalSpace, enter


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
