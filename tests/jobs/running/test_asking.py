"""A step asks a person, waits through restarts, and keeps what was answered."""

import threading

import pytest

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model import asking
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import Refused, StepFailed
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.running import held_jobs, parking
from secondsite.jobs.running.engine import Engine
from tests.jobs.support_jobs import Facts, enter

QUESTION = asking.Question(instruction="Move the traffic", verdicts=("done", "failed"), negative=("failed",))
ASKS = 1
"""The position of the step that asks."""


def done(note="", position=ASKS, by="ann"):
    return asking.GivenAnswer(position, "done", note, by)


def failed(note=""):
    return asking.GivenAnswer(ASKS, "failed", note, "ann")


def move(room, then=lambda context, answer: None):
    """A kind of job that asks between two other steps."""

    def step(context):
        answer = context.ask(QUESTION)
        then(context, answer)
        return Done(f"{answer.by}: {answer.note}", commit=lambda session: enter(session, answer.verdict))

    return Definition("move", (room.does("before"), Step("Traffic", step), room.does("after")))


def asked(room, **how):
    """An engine, and a job of it that asks."""
    engine = room.engine(move(room, **how))
    job_id = room.submit(engine, "move")
    engine.run_until_idle()
    return engine, job_id


def asks(room, job_id):
    """What its task asks now."""
    latest = [task for task in room.tasks(job_id) if task.position == ASKS][-1]
    return asking.asks_now(latest)


def answer_to(task):
    """What a person answered."""
    answer = asking.asked(task).answer
    assert answer is not None
    return answer


def test_a_step_that_asks_a_person_waits_through_a_restart_and_keeps_what_was_answered(room):
    _, job_id = asked(room)
    assert (room.job(job_id).state, asks(room, job_id)) == (JobState.WAITING, QUESTION)
    room.clock.advance(7 * 86400)
    second = room.engine(move(room))
    second.run_until_idle()
    assert (room.job(job_id).state, asks(room, job_id)) == (JobState.WAITING, QUESTION)
    room.ask(second.answer, job_id, done("by the switch"))
    room.clock.advance(60)
    room.engine(move(room)).run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    task = room.tasks(job_id)[ASKS]
    assert (task.sentence, asks(room, job_id)) == ("ann: by the switch", None)
    answer = answer_to(task)
    assert (answer.by, answer.verdict, answer.note) == ("ann", "done", "by the switch")
    assert (room.clock.now - answer.at).total_seconds() == 60
    assert room.entries() == ["before", "done", "after"], "each once"


def test_an_answer_wakes_the_job_at_once(room):
    engine, job_id = asked(room)
    room.ask(engine.answer, job_id, done())
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED


@pytest.mark.parametrize("crowd", [16, 0], ids=["for a second", "in a crowd"])
def test_an_answer_that_comes_while_the_wait_is_parked_is_heard(room, monkeypatch, crowd):
    monkeypatch.setattr(parking, "PARKED_SECONDS", 100.0)
    monkeypatch.setattr(parking, "PARKED_IN_A_CROWD_SECONDS", 100.0)
    monkeypatch.setattr(parking, "CROWD", crowd)
    engine = room.engine(move(room))
    engine.start()
    job_id = room.submit(engine, "move")
    eventually(lambda: asks(room, job_id))
    assert room.tasks(job_id)[ASKS].waiting_since is None, "it is parked: nothing says that it waits"
    room.ask(engine.answer, job_id, done())
    assert room.ended(job_id).state is JobState.SUCCEEDED


def test_an_answer_of_another_process_is_heard(room):
    """Its engine is not the one that runs the job."""
    if room.db.dialect.name != "postgresql":
        pytest.skip("one process alone has the database")
    engine = room.engine(move(room))
    engine.start()
    job_id = room.submit(engine, "move")
    eventually(lambda: asks(room, job_id))
    room.ask(room.engine(move(room), owner="there").answer, job_id, done())
    assert room.ended(job_id).state is JobState.SUCCEEDED


def test_an_answer_to_a_task_that_asks_nothing_is_refused_and_so_is_a_second_one(room):
    engine, job_id = asked(room)
    for position in (0, 2, 9, -1):
        with pytest.raises(Refused, match="has no open question, or was answered") as refused:
            room.ask(engine.answer, job_id, done(position=position))
        assert "task 1 (Traffic) asks now" in refused.value.do
    room.ask(engine.answer, job_id, done("first"))
    with pytest.raises(Refused, match="has no open question, or was answered"):
        room.ask(engine.answer, job_id, done("second", by="bob"))
    engine.run_until_idle()
    assert room.tasks(job_id)[ASKS].sentence == "ann: first"
    with pytest.raises(Refused, match="The job is succeeded") as refused:
        room.ask(engine.answer, job_id, done())
    assert refused.value.code == "not-asking"
    with pytest.raises(Refused) as refused:
        room.ask(engine.answer, "nosuch", done())
    assert refused.value.code == "job-not-found"


def test_of_two_people_who_answer_at_once_one_is_refused(room):
    engine, job_id = asked(room)
    begin, heard = threading.Barrier(2), []

    def say(name):
        begin.wait()
        try:
            room.ask(engine.answer, job_id, done(by=name))
            heard.append(name)
        except Refused:
            heard.append("refused")

    people = [threading.Thread(target=say, args=(name,)) for name in ("ann", "bob")]
    for each in people:
        each.start()
    for each in people:
        each.join(20)
    engine.run_until_idle()
    assert heard.count("refused") == 1
    (name,) = set(heard) - {"refused"}
    assert answer_to(room.tasks(job_id)[ASKS]).by == name


def test_an_answer_that_nobody_offered_is_refused(room):
    engine, job_id = asked(room)
    with pytest.raises(Refused, match="'perhaps' is not a possible answer") as refused:
        room.ask(engine.answer, job_id, asking.GivenAnswer(ASKS, "perhaps", "", "ann"))
    assert refused.value.do == "Answer with done or failed."
    assert asks(room, job_id) == QUESTION


def test_a_retry_does_not_ask_again_what_was_answered(room):
    broken = [True]

    def then(context, answer):
        if broken:
            raise StepFailed("broken", "it broke behind the answer", "Mend it")

    engine, job_id = asked(room, then=then)
    room.ask(engine.answer, job_id, done("once"))
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.FAILED
    broken.clear()
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert [task.sentence for task in room.tasks(job_id) if task.position == ASKS][-1] == "ann: once"


def test_a_negative_answer_fails_the_step_and_a_retry_asks_again(room):
    engine, job_id = asked(room)
    room.ask(engine.answer, job_id, failed("the switch is locked"))
    engine.run_until_idle()
    job = room.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "answered-negatively")
    assert job.error.message == "ann answered 'failed': the switch is locked"
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert (room.job(job_id).state, asks(room, job_id)) == (JobState.WAITING, QUESTION)
    room.ask(engine.answer, job_id, done("unlocked it"))
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    answers = [answer_to(task) for task in room.tasks(job_id) if task.position == ASKS]
    assert [(each.verdict, each.note) for each in answers] == [
        ("failed", "the switch is locked"), ("done", "unlocked it"),
    ]  # fmt: skip


def test_a_job_held_by_a_restored_vault_asks_again_only_after_it_is_resumed(room):
    engine, job_id = asked(room)
    room.ask(held_jobs.hold_all)
    engine.run_until_idle()
    with pytest.raises(Refused, match="The job is held") as refused:
        room.ask(engine.answer, job_id, done())
    assert "resumed" in refused.value.do
    room.ask(engine.resume, job_id)
    engine.run_until_idle()
    assert (room.job(job_id).state, asks(room, job_id)) == (JobState.WAITING, QUESTION)
    room.ask(engine.answer, job_id, done())
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED


def test_a_job_that_asks_is_cancelled_as_any_that_waits_and_asks_nothing_then(room):
    engine, job_id = asked(room)
    room.ask(engine.cancel, job_id)
    engine.run_until_idle()
    assert (room.job(job_id).state, asks(room, job_id)) == (JobState.CANCELLED, None)
    with pytest.raises(Refused, match="cancelled"):
        room.ask(engine.answer, job_id, done())
    assert room.order == ["before", "undo before"]


def test_a_question_waits_for_thirty_days_and_no_longer(room):
    engine, job_id = asked(room)
    deadline_at = room.tasks(job_id)[ASKS].deadline_at
    assert (deadline_at - room.clock.now).days == 30
    room.clock.advance(30 * 86400)
    engine.run_until_idle()
    assert room.job(job_id).error.code == "deadline-exceeded"


def test_an_answer_that_comes_while_the_step_looks_is_seen_by_the_next_look(room):
    engines: list[Engine] = []

    def step(context):
        try:
            answer = context.ask(QUESTION)
        finally:
            looks.append(context.order_id)
            if len(looks) == 2:  # this look is over, and its wait is not written down yet
                room.ask(engines[0].answer, context.job_id, done(position=0))
        return Done(answer.by)

    looks: list[str] = []
    engines.append(room.engine(Definition("move", (Step("Traffic", step),))))
    job_id = room.submit(engines[0], "move")
    engines[0].run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert set(looks) == {f"{job_id}/0/1"}


def test_what_a_step_remembers_beside_its_question_stays(room):
    def step(context):
        context.remember(Facts({"ordered": True}))
        answer = context.ask(QUESTION)
        context.remember(Facts({"told": answer.note}))
        return Done("told", Facts({"end": True}))

    engine = room.engine(Definition("move", (Step("Traffic", step),)))
    job_id = room.submit(engine, "move")
    engine.run_until_idle()
    room.ask(engine.answer, job_id, done("it", position=0))
    engine.run_until_idle()
    facts = room.tasks(job_id)[0].facts
    assert (facts["ordered"], facts["told"], facts["end"], facts["answer"]["note"]) == (
        True,
        "it",
        True,
        "it",
    )


def test_facts_of_another_form_ask_nothing(room):
    def step(context):
        context.remember(Facts({"asks": "something"}))
        raise Wait("never", 1000, "as steps of their own words do")

    engine = room.engine(Definition("v", (Step("Own", step),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    (task,) = room.tasks(job_id)
    assert (asking.asked(task), asking.asks_now(task)) == (asking.QuestionFacts(), None)
    with pytest.raises(Refused, match="no open question"):
        room.ask(engine.answer, job_id, done(position=0))


def test_not_every_verdict_is_negative():
    for verdicts, negative in (((), ()), (("no",), ("no",)), (("done",), ("failed",))):
        with pytest.raises(ValueError, match="negative"):
            asking.Question(instruction="Do it", verdicts=verdicts, negative=negative)
