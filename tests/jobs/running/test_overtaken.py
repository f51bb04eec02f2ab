"""What comes at the worst moment: between a commit and its being told, at a boundary, as a step begins."""

import pytest

from rig.eventually import eventually
from secondsite.ground import seams
from secondsite.ground.job_states import JobState
from secondsite.jobs.model import asking
from secondsite.jobs.model.catalogue import Catalogue
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import StepFailed
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.running import answers, parking, requests
from secondsite.jobs.running.runner import Runner
from secondsite.jobs.storage import claims
from secondsite.jobs.storage.group_commit import GroupCommit
from tests.jobs.support_jobs import Gate

QUESTION = asking.Question("Move the traffic", ("done", "failed"), ("failed",))


def refused(_session, _job):
    raise StepFailed("no", "it may not begin", "Do not")


def not_wanted(_arguments):
    return "not asked for"


def skips_badly(_arguments):
    raise StepFailed("no", "nobody can say whether it is to be done", "Do not")


def test_a_step_whose_beginning_is_refused_fails_and_the_step_before_it_stands(room):
    refusing = Definition("v", (room.does("one"), room.does("two", begins=refused)), undo_on_failure=True)
    engine = room.engine(refusing)
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.FAILED
    assert room.states(job_id) == [("one", "undone"), ("two", "failed"), ("Undo: one", "succeeded")]
    assert (room.order, room.entries()) == (["one", "undo one"], ["one", "undo one"])


def test_a_step_of_which_nobody_can_say_whether_it_is_to_be_done_fails_and_the_one_before_stands(room):
    engine = room.engine(Definition("v", (room.does("one"), room.does("two", skipped=skips_badly))))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.states(job_id) == [("one", "succeeded"), ("two", "failed")]


def test_a_step_that_begins_anew_and_is_refused_fails(room):
    """It waited, and was written down as waiting."""
    gate = Gate(poll_seconds=5.0)
    refuses: list[bool] = []

    def begins(session, job):
        if refuses:
            refused(session, job)

    engine = room.engine(Definition("v", (Step("one", gate.step, begins=begins),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.WAITING
    refuses.append(True)
    room.clock.advance(6)
    engine.run_until_idle()
    assert (room.job(job_id).state, room.states(job_id)) == (JobState.FAILED, [("one", "failed")])


def test_a_step_with_nothing_to_do_is_passed_by_also_when_the_job_was_let_go_before_it(room):
    def stops(name):
        if name == "job.step.before-commit":
            first._stopping.set()  # noqa: SLF001 as `stop` begins

    steps = room.does("one"), room.does("two", skipped=not_wanted), room.does("three")
    first = room.engine(Definition("v", steps))
    job_id = room.submit(first, "v")
    with seams.armed(stops):
        first.run_until_idle()
    room.engine(Definition("v", steps)).run_until_idle()
    assert room.order == ["one", "three"]
    assert room.states(job_id) == [("one", "succeeded"), ("two", "skipped"), ("three", "succeeded")]


@pytest.fixture
def parks_long(room, monkeypatch):
    """Who is parked is not written down while the test runs."""
    monkeypatch.setattr(parking, "PARKED_SECONDS", 100.0)
    return room


def test_an_answer_that_comes_just_before_its_step_is_parked_is_heard_at_once(parks_long):
    room, ids = parks_long, []

    def step(context):
        ids.append(context.job_id)
        return Done(context.ask(QUESTION).by)

    def answers(name):
        if name == "job.step.effect-done" and len(ids) == 1:
            room.ask(engine.answer, ids[0], asking.GivenAnswer(0, "done", "", "ann"))

    engine = room.engine(Definition("v", (Step("one", step),)))
    with seams.armed(answers):
        job_id = room.submit(engine, "v")
        engine.start()
        assert room.ended(job_id, 5).state is JobState.SUCCEEDED
    assert len(ids) == 2


def test_a_cancel_in_the_transaction_in_which_the_next_step_begins_reaches_the_one_that_is_parked(
    parks_long, monkeypatch
):
    """Works of several threads are one transaction: the job's own may come before the one that cancels it."""
    room, gate = parks_long, Gate(poll_seconds=100.0)
    cancelled: list[bool] = []
    if room.db.dialect.name != "sqlite":
        pytest.skip("works of several threads are one transaction on SQLite only")
    commit = GroupCommit._commit  # noqa: SLF001 a second work is to be in the same transaction

    def with_a_cancel(self, asked):
        works = [each.work for each in asked]

        def then_cancel(session):
            given = works[-1](session)
            if room.order == ["one"] and not cancelled:
                cancelled.append(True)
                requests.cancel(session, catalogue, job_id, room.clock())
            return given

        asked[-1].work = then_cancel
        commit(self, asked)

    definition = Definition("v", (room.does("one"), Step("two", gate.step)))
    catalogue, engine = Catalogue([definition]), room.engine(definition)
    monkeypatch.setattr(GroupCommit, "_commit", with_a_cancel)
    job_id = room.submit(engine, "v")
    engine.start()
    assert room.ended(job_id, 5).state is JobState.CANCELLED


def test_a_first_step_whose_beginning_is_refused_fails_behind_one_that_is_passed_by(room):
    steps = room.does("one", skipped=not_wanted), room.does("two", begins=refused)
    engine = room.engine(Definition("v", steps))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.states(job_id) == [("one", "skipped"), ("two", "failed")]
    assert (room.job(job_id).state, room.order) == (JobState.FAILED, [])
    error = room.job(job_id).error
    assert error is not None
    assert error.code == "no"


def test_an_answer_that_comes_as_its_job_turns_back_stays_on_record(room, monkeypatch):
    step = Step("one", lambda context: Done(context.ask(QUESTION).by))
    engine = room.engine(Definition("v", (step,)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    turn_back = Runner._turn_back  # noqa: SLF001 the answer is to come just before

    def answered_first(self, session, claim, task):
        asked = asking.GivenAnswer(0, "done", "by the switch", "ann")
        answers.answer(session, job_id, asked, room.clock())
        turn_back(self, session, claim, task)

    monkeypatch.setattr(Runner, "_turn_back", answered_first)
    room.ask(engine.cancel, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    answer = asking.asked(room.tasks(job_id)[0]).answer
    assert answer is not None
    assert answer.note == "by the switch"


def test_an_answer_that_is_none_to_what_is_asked_now_is_asked_for_again(room):
    """The step failed behind the answer, and its next attempt has another question."""
    questions = [QUESTION, asking.Question("Look at the shop", ("works", "broken"), ("broken",))]
    said: list[str] = []

    def step(context):
        said.append(context.ask(questions[0]).verdict)
        if len(said) == 1:
            raise StepFailed("no", "it failed behind the answer", "Retry")
        return Done(said[-1])

    engine = room.engine(Definition("v", (Step("one", step),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.answer, job_id, asking.GivenAnswer(0, "done", "", "ann"))
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.FAILED
    del questions[0]
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.WAITING
    room.ask(engine.answer, job_id, asking.GivenAnswer(0, "works", "", "ann"))
    engine.run_until_idle()
    assert (room.job(job_id).state, said) == (JobState.SUCCEEDED, ["done", "works"])


def test_a_new_job_begins_however_often_parked_ones_go_on(parks_long, monkeypatch):
    monkeypatch.setattr(claims, "NEW_EVERY_SECONDS", 0.1)
    room, gate = parks_long, Gate(poll_seconds=100.0)

    def signals_itself(context):
        engine.signal("gate")
        return gate.step(context)

    def opens(_context):
        gate.open = True
        return Done("opened")

    kinds = Definition("spins", (Step("one", signals_itself),)), Definition("new", (Step("one", opens),))
    engine = room.engine(*kinds, workers=1)
    spins = room.submit(engine, "spins")
    engine.start()
    eventually(lambda: gate.looks > 10)
    assert room.ended(room.submit(engine, "new"), 5).state is JobState.SUCCEEDED
    assert room.ended(spins).state is JobState.SUCCEEDED
