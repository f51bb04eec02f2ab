"""All connections of the pool are in use, by calls that wait for a lock for example: what has to be
written waits, nothing fails of that."""

import contextlib
import threading
import time

import pytest

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.storage import database as opening
from secondsite.jobs.storage import transactions
from tests.jobs.support_jobs import JournalSpace, enter, verb

LEASE_SECONDS = 1.0


@contextlib.contextmanager
def all_taken(db):
    with contextlib.ExitStack() as taken:
        for _ in range(opening.POOLED + opening.MORE):
            taken.enter_context(contextlib.closing(db.raw_connection()))
        yield


class Heard:
    """Stands for the log of transactions."""

    def __init__(self, refused):
        self._refused = refused

    def warning(self, *_what, **_named):
        self._refused.set()


@pytest.fixture
def room(database):
    room = JournalSpace(database)
    yield room
    room.close()


@pytest.mark.slow
def test_what_a_step_answered_is_written_once_a_connection_is_free(room, monkeypatch):
    """It was a failure of the step, which had done its work: a machine ran, and its job said that it had
    failed."""
    begun, goes_on, refused = (threading.Event() for _ in range(3))

    def run(_context):
        begun.set()
        goes_on.wait(20)
        return Done("ran", commit=lambda session: enter(session, "ran"))

    engine = room.engine(Definition("v", (Step("a", run),)), workers=1)
    job_id = room.submit(engine, "v")
    engine.start()
    assert begun.wait(20)
    monkeypatch.setattr(room.db.pool, "_timeout", 0.1)
    monkeypatch.setattr(transactions, "log", Heard(refused))
    with all_taken(room.db):
        goes_on.set()
        assert refused.wait(20)
    monkeypatch.setattr(room.db.pool, "_timeout", 30)
    assert room.ended(job_id).state is JobState.SUCCEEDED
    assert room.entries() == ["ran"]


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_lease_is_prolonged_although_no_connection_is_free(postgres_url):
    """Else a process whose calls all wait for something sends its appliances away, and so does each of the
    others."""
    db = opening.connect(postgres_url)
    room = JournalSpace(db)
    engine = room.engine(verb("v", room.does("a")), lease_seconds=LEASE_SECONDS)
    engine.start()
    lost = []
    engine.standing.follow(lambda: lost.append(time.monotonic()), lambda: None)
    with all_taken(db):
        time.sleep(2 * LEASE_SECONDS)
        assert lost == []
    room.close()
    db.dispose()
