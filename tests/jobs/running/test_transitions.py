"""From one step to the next: what is read again, what is passed by, and what is on record before a step
acts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.orm import Session

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import LeaseLost, StepFailed
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.storage import changed_jobs, journal
from secondsite.jobs.storage.journal import Claim
from secondsite.jobs.storage.transactions import Transactions
from tests.jobs.support_jobs import Facts, enter, verb
from tests.support.statements import noted

pytestmark = pytest.mark.always

ALONE = "elsewhere other processes may have written to the job"


@pytest.fixture
def alone(room):
    if room.db.dialect.name != "sqlite":
        pytest.skip(ALONE)
    return room


@contextmanager
def claimed(room) -> Iterator[tuple[Session, Claim]]:
    """A job that somebody has, in a transaction."""
    engine = room.engine(Definition("v", (room.does("one"),)))
    job_id = room.submit(engine, "v")
    claim = Claim(job_id, "me", 7)
    with Session(room.db) as session, session.begin():
        journal.change_job(session, job_id, claim_owner="me", claim_epoch=7)
    with Session(room.db) as session, session.begin():
        yield session, claim


def test_the_tasks_of_a_job_that_nobody_wrote_to_are_not_read_again_at_each_step(alone):
    steps = tuple(alone.does(name, commit=False) for name in ("one", "two", "three", "four"))
    engine = alone.engine(Definition("v", steps))
    job_id = alone.submit(engine, "v")
    said = noted(alone.db)
    engine.run_until_idle()
    assert alone.job(job_id).state is JobState.SUCCEEDED
    read = [each for each in said if each.startswith("SELECT job_tasks.id, job_tasks.job_id")]
    assert len(read) <= 2, "when it was claimed, and when it ended"


def test_a_cancel_that_comes_while_a_step_runs_ends_the_job_at_its_end(room):
    ids = []

    def step(context):
        ids.append(context.job_id)
        room.ask(engine.cancel, context.job_id)
        return Done("did it")

    engine = room.engine(Definition("v", (Step("one", step), room.does("two"))))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert (room.job(job_id).state, ids) == (JobState.CANCELLED, [job_id])


def test_a_job_that_is_as_it_was_seen_is_not_read_again(room):
    with claimed(room) as (session, claim):
        seen = journal.fence(session, claim)
    with Session(room.db) as session, session.begin():
        assert journal.is_as_seen(session, claim, seen)
        assert claim.job_id in changed_jobs.noted(session), "whoever follows it is told"


@pytest.mark.parametrize("change", [{"cancel_requested": True}, {"state": JobState.HELD}, {"attempt": 2}])
def test_a_job_that_was_changed_is_not_as_it_was_seen(room, change):
    with claimed(room) as (session, claim):
        seen = journal.fence(session, claim)
    with Session(room.db) as session, session.begin():
        journal.change_job(session, claim.job_id, **change)
        assert not journal.is_as_seen(session, claim, seen)


def test_a_job_that_another_work_of_the_same_transaction_has_locked_is_not_as_it_was_seen(room):
    """Works of several threads are one transaction: a signal is noted in the task, of which the row says
    nothing."""
    with claimed(room) as (session, claim):
        seen = journal.fence(session, claim)
        assert not journal.is_as_seen(session, claim, seen)


def test_a_job_that_another_engine_has_taken_is_not_written_to(room):
    with claimed(room) as (session, claim):
        seen = journal.fence(session, claim)
    with Session(room.db) as session, session.begin(), pytest.raises(LeaseLost):
        journal.is_as_seen(session, Claim(claim.job_id, "me", 6), seen)


def test_a_transition_that_is_tried_again_is_read_first(alone, monkeypatch):
    """A first try may have been committed, only the reply was lost: what its step commits is done once."""
    lost: list[bool] = []
    write = Transactions._write  # noqa: SLF001 the reply of one commit is to be lost

    def loses_a_reply(self, work):
        given = write(self, work)
        if alone.order == ["one"] and not lost:
            lost.append(True)
            return write(self, work)
        return given

    monkeypatch.setattr(Transactions, "_write", loses_a_reply)
    engine = alone.engine(verb("v", alone.does("one"), alone.does("two")))
    job_id = alone.submit(engine, "v")
    engine.run_until_idle()
    assert (lost, alone.job(job_id).state) == ([True], JobState.SUCCEEDED)
    assert alone.entries() == ["start 1", "one", "two", "succeeded"]


def not_wanted(arguments):
    return None if arguments.get("wanted") else "not asked for"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_step_that_its_jobs_arguments_do_not_want_is_passed_by(room, wanted):
    steps = (room.does("one"), room.does("two", skipped=not_wanted), room.does("three"))
    engine = room.engine(verb("v", *steps))
    job_id = room.submit(engine, "v", arguments=Facts({"wanted": wanted}))
    engine.run_until_idle()
    passed = room.tasks(job_id)[1]
    assert room.job(job_id).state is JobState.SUCCEEDED
    if wanted:
        assert room.order == ["one", "two", "three"]
    else:
        assert room.order == ["one", "three"]
        assert (str(passed.state), passed.sentence, passed.started_at) == ("skipped", "not asked for", None)


def test_a_job_whose_first_and_last_steps_are_not_wanted_runs_what_is_between(room):
    steps = (room.does("one", skipped=not_wanted), room.does("two"), room.does("three", skipped=not_wanted))
    engine = room.engine(verb("v", *steps))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert (room.order, room.job(job_id).state) == (["two"], JobState.SUCCEEDED)


def test_a_step_that_was_passed_by_is_not_undone(room):
    def fails(_context):
        raise StepFailed("broken", "it broke", "mend it")

    steps = (room.does("one"), room.does("two", skipped=not_wanted), Step("three", fails))
    engine = room.engine(verb("v", *steps, undo_on_failure=True))
    room.submit(engine, "v")
    engine.run_until_idle()
    assert room.order == ["one", "undo one"]


def test_what_a_step_puts_on_record_as_it_begins_is_there_before_it_acts(room):
    seen = []

    def acts(_context):
        seen.append(room.entries())
        return Done("acted")

    begins = Step("act", acts, begins=lambda session, _job: enter(session, "begins"))
    engine = room.engine(verb("v", room.does("one"), begins))
    room.submit(engine, "v")
    engine.run_until_idle()
    assert seen == [["start 1", "one", "begins"]]


def test_a_step_that_is_run_again_by_the_next_engine_begins_again(room):
    class Killed(BaseException):
        pass

    kills = [True]

    def acts(_context):
        if kills and kills.pop():
            raise Killed
        return Done("acted")

    definition = verb("v", Step("act", acts, begins=lambda session, _job: enter(session, "begins")))
    job_id = room.submit(room.engine(definition), "v")
    with pytest.raises(Killed):
        room.engine(definition).run_until_idle()
    room.engine(definition).run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert room.entries() == ["start 1", "begins", "begins", "succeeded"]
