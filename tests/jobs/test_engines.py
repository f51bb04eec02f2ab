"""Several engines on one database: one runs a job, death hands it over, a zombie writes nothing."""

import threading
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import EngineAlreadyRunning, LeaseLost, NameTaken
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.storage.claims import Claims
from secondsite.jobs.storage.database import connect
from secondsite.jobs.storage.transactions import Transactions
from tests.jobs.support_jobs import Facts, JournalSpace, enter, verb

pytestmark = pytest.mark.slow

TOLERANCE_SECONDS = 10


@pytest.fixture
def postgres_room(postgres_url):
    db = connect(postgres_url)
    room = JournalSpace(db)
    yield room
    room.close()
    db.dispose()


def test_a_second_engine_on_a_sqlite_file_is_refused_and_told_who_holds_it(tmp_path):
    db = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    room = JournalSpace(db)
    first, second = room.engine(verb("v", room.does("a"))), room.engine(verb("v", room.does("a")))
    first.start()
    with pytest.raises(EngineAlreadyRunning, match=r"Process \d+ already runs"):
        second.start()
    first.stop()
    second.start()
    room.close()
    db.dispose()


@pytest.mark.slow
def test_two_engines_share_the_jobs_and_each_job_runs_once(postgres_room):
    room, ran = postgres_room, []

    def run(context):
        ran.append(context.job_id)
        return Done("ran", commit=lambda session: enter(session, context.job_id))

    definition = Definition("v", (Step("a", run), Step("b", run)))
    engines = [room.engine(definition, owner=name, workers=2) for name in ("one", "two")]
    for engine in engines:
        engine.start()
    ids = [room.submit(engines[0], "v") for _ in range(40)]
    for job_id in ids:
        assert room.ended(job_id, 30).state is JobState.SUCCEEDED
    assert sorted(ran) == sorted(room.entries()) == sorted(ids * 2)


def test_who_follows_jobs_at_one_engine_hears_of_those_of_the_other(postgres_room):
    room = postgres_room
    heard: list[Any] = []
    definition = verb("v", room.does("a"))
    one, two = (room.engine(definition, owner=name, workers=1) for name in ("one", "two"))
    two.changes.follow(heard.append)
    two.start()
    eventually(lambda: heard == [None])
    job_id = room.submit(one, "v")
    eventually(lambda: job_id in heard)


def test_a_job_submitted_at_one_engine_wakes_the_other(postgres_room):
    room = postgres_room
    runs, asks = (room.engine(verb("v", room.does("a")), owner=name) for name in ("runs", "asks"))
    runs.start()
    job_id = room.submit(asks, "v")
    assert room.ended(job_id, 5).state is JobState.SUCCEEDED


def test_an_engine_that_went_silent_loses_its_job_and_may_not_write_any_more(room):
    """The zombie runs the step, is paused, wakes up after the takeover and tries to record."""
    taken_over, zombie_ended = threading.Event(), []

    def slow(context):
        room.order.append(context.order_id)
        if len(room.order) == 1:
            taken_over.wait(20)
        return Done("ran", commit=lambda session: enter(session, "ran"))

    definition = Definition("v", (Step("a", slow),))
    transactions = Transactions(room.db)
    living = room.engine(definition, owner="living")
    zombie = room.runner(transactions, definition)
    job_id = room.submit(living, "v")
    claim = Claims(transactions, "zombie", room.clock).next()
    assert claim is not None

    def run():
        try:
            zombie.run(claim, lambda: False)
        except LeaseLost as lost:
            zombie_ended.append(lost)

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: room.order)
    living.run_until_idle()
    taken_over.set()
    thread.join(20)
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert [lost.job_id for lost in zombie_ended] == [job_id]
    assert room.entries() == ["ran"], "the zombie's commit was refused"
    assert room.order == [f"{job_id}/0/1"] * 2, "the repeat carries the same order id"


def test_a_zombie_that_is_faster_than_its_successor_is_refused_all_the_same(room):
    """Successor and zombie are in the same step at once: only the epoch tells who may write."""
    refused: list[Any] = []

    def slow(context):
        room.order.append(context.order_id)
        if len(room.order) == 1:
            successor.next()  # the job is taken over while this step runs
            try:
                context.remember(Facts({"found": 1}))
            except LeaseLost:
                refused.append("memory")
            try:
                context.progress(0.5, "half")
            except LeaseLost:
                refused.append("progress")
        return Done("ran", commit=lambda session: enter(session, "ran"))

    transactions = Transactions(room.db)
    definition = Definition("v", (Step("a", slow),))
    engine = room.engine(definition)
    zombie = room.runner(transactions, definition)
    successor = Claims(transactions, "successor", room.clock)
    job_id = room.submit(engine, "v")
    claimed = Claims(transactions, "zombie", room.clock).next()
    assert claimed is not None
    with pytest.raises(LeaseLost):
        zombie.run(claimed, lambda: False)
    assert refused == ["memory", "progress"]
    assert room.entries() == []
    assert room.states(job_id) == [("a", "running")]
    engine.run_until_idle()
    assert room.entries() == ["ran"]


def test_of_two_engines_that_saw_the_same_ready_job_one_gets_it(room):
    transactions = Transactions(room.db)
    room.submit(room.engine(verb("v", room.does("a"))), "v")
    two, got = Claims(transactions, "two", room.clock), []

    class Overtaken(Transactions):
        """Between its look and its write the other engine claims."""

        def write(self, work, patience_seconds=None):
            got.append(two.next())
            return super().write(work, patience_seconds)

    assert Claims(Overtaken(room.db), "one", room.clock).next() is None
    assert [claim is not None for claim in got] == [True]


@pytest.mark.slow
def test_a_living_engine_keeps_its_job_and_a_dead_one_loses_it_within_seconds(postgres_room):
    room, release = postgres_room, threading.Event()

    def slow(context):
        room.order.append(threading.current_thread().name)
        release.wait(30)
        return Done("ran", commit=lambda session: enter(session, "ran"))

    definition = Definition("v", (Step("a", slow),))
    first = room.engine(definition, owner="first", lease_seconds=1.5)
    second = room.engine(definition, owner="second", lease_seconds=1.5)
    first.start()
    job_id = room.submit(first, "v")
    eventually(lambda: room.order)
    second.start()
    with pytest.raises(AssertionError):
        eventually(lambda: len(room.order) > 1, within_seconds=3)  # the lease is renewed, so nothing moves
    first._stopping.set()  # noqa: SLF001 from here on nobody renews it, as after a death
    eventually(lambda: len(room.order) > 1, TOLERANCE_SECONDS)
    release.set()
    assert room.ended(job_id).state is JobState.SUCCEEDED
    assert room.entries() == ["ran"]


def test_an_engine_whose_name_was_taken_stops(postgres_room):
    room = postgres_room
    old = room.engine(verb("v", room.does("a")), owner="same", lease_seconds=1)
    new = room.engine(verb("v", room.does("a")), owner="same", lease_seconds=1)
    old.start()
    new.start()
    eventually(lambda: isinstance(old.failure, NameTaken))
    assert room.ended(room.submit(new, "v")).state is JobState.SUCCEEDED


def test_stop_waits_for_the_running_step_and_leaves_the_rest_to_the_next_engine(room):
    began, release = threading.Event(), threading.Event()

    def slow(context):
        began.set()
        release.wait(20)
        return Done("ran")

    definition = verb("v", Step("slow", slow), room.does("b"))
    engine = room.engine(definition)
    engine.start()
    job_id = room.submit(engine, "v")
    assert began.wait(20)
    threading.Timer(0.3, release.set).start()
    assert engine.stop(20)
    assert room.states(job_id) == [("slow", "succeeded"), ("b", "queued")]
    room.engine(definition, owner="another").run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
