"""Cancel at a boundary or in a wait, then undo in the same job; refusals that say why."""

from typing import Any

import pytest

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import Refused, StepFailed
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.running import held_jobs, stage
from tests.jobs.support_jobs import Facts, verb

pytestmark = pytest.mark.always


def waits(context):
    raise Wait("never", 1000, "waits for ever")


def fails(context):
    raise StepFailed("broken", "it broke", "Mend it")


def test_a_cancelled_wait_is_undone_backward_in_the_same_job(room):
    wait = Step("wait", waits, undo=room.does("wait").undo)
    engine = room.engine(verb("v", room.does("a"), room.does("b", undo=False), wait, room.does("c")))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.cancel, job_id)
    assert room.job(job_id).state is JobState.CANCELLING
    engine.run_until_idle()
    assert room.states(job_id) == [
        ("a", "undone"), ("b", "succeeded"), ("wait", "undone"), ("c", "cancelled"),
        ("Undo: wait", "succeeded"), ("Undo: a", "succeeded"),
    ]  # fmt: skip
    assert room.entries() == ["start 1", "a", "b", "undo wait", "undo a", "cancelled"]
    assert room.job(job_id).result == "cancelled; undone: a, wait"
    assert room.effects[f"{job_id}/0/1/undo"] == 1


def test_a_cancel_before_the_start_undoes_nothing(room):
    engine = room.engine(verb("v", room.does("a")))
    job_id = room.submit(engine, "v")
    room.ask(engine.cancel, job_id)
    room.ask(engine.cancel, job_id)  # asking twice is harmless
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert room.entries() == ["cancelled"]


def test_a_running_step_sees_the_request_and_the_job_turns_back_after_it(room, monkeypatch):
    monkeypatch.setattr(stage, "CANCEL_LOOK_SECONDS", 0.0)

    def long(context):
        assert not context.cancel_requested
        room.ask(engine.cancel, context.job_id)
        assert context.cancel_requested
        return Done("stopped early")

    engine = room.engine(verb("v", Step("long", long, undo=room.does("long").undo), room.does("b")))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.states(job_id)[:2] == [("long", "undone"), ("b", "cancelled")]


def test_a_cancel_waits_for_a_step_that_may_not_be_interrupted(room):
    gate = {"open": False}

    def run(context):
        if not gate["open"]:
            raise Wait("gate", 1000, "in the middle of it")
        return Done("done")

    engine = room.engine(verb("v", Step("a", run, cancelable=False), room.does("b")))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.cancel, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLING
    gate["open"] = True
    engine.signal("gate")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert room.states(job_id) == [("a", "succeeded"), ("b", "cancelled")]


def test_a_cancel_that_cannot_be_honoured_is_refused_and_says_why(room):
    last = Step("last", waits, cancelable=False)
    engine = room.engine(
        verb("failover", room.does("a"), cancelable=False),
        verb("v", room.does("a"), last),
        verb("w", room.does("a")),
    )
    fixed, late, ended = (room.submit(engine, name) for name in ("failover", "v", "w"))
    with pytest.raises(Refused, match="cannot be cancelled"):
        room.ask(engine.cancel, fixed)
    engine.run_until_idle()
    with pytest.raises(Refused, match="past the point of return"):
        room.ask(engine.cancel, late)
    with pytest.raises(Refused, match="already ended: succeeded"):
        room.ask(engine.cancel, ended)
    with pytest.raises(Refused, match="no job nowhere"):
        room.ask(engine.cancel, "nowhere")


def test_a_failure_undoes_what_was_done_where_the_definition_says_so(room):
    careful = Step("c", fails, undo=room.does("c").undo, undo_after_failure=True)
    plain = Step("c", fails, undo=room.does("c").undo)
    engine = room.engine(
        verb("careful", room.does("a"), careful, undo_on_failure=True),
        verb("plain", room.does("a"), plain, undo_on_failure=True),
        verb("stays", room.does("a"), plain),
    )
    for name, undone in (("careful", ["undo c", "undo a"]), ("plain", ["undo a"]), ("stays", [])):
        room.order.clear()
        job_id = room.submit(engine, name)
        engine.run_until_idle()
        assert room.order == ["a", *undone], name
        assert room.job(job_id).state is JobState.FAILED
        assert room.job(job_id).error.code == "broken"


def test_retry_after_undoing_runs_the_undone_steps_again(room):
    repaired: list[Any] = []

    def run(context):
        return Done("fine") if repaired else fails(context)

    engine = room.engine(verb("v", room.does("a"), Step("b", run), undo_on_failure=True))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    repaired.append(True)
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert room.order == ["a", "undo a", "a"]
    assert [(task.title, task.attempt) for task in room.tasks(job_id)] == [
        ("a", 1), ("b", 1), ("Undo: a", 1), ("a", 2), ("b", 2),
    ]  # fmt: skip


def test_an_undo_that_fails_ends_the_job_and_retry_goes_on_undoing(room):
    repaired: list[Any] = []

    def back(context):
        return Done("undone") if repaired else fails(context)

    engine = room.engine(
        verb("v", room.does("a"), Step("b", lambda context: Done("b"), undo=back), Step("w", waits))
    )
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.cancel, job_id)
    engine.run_until_idle()
    job = room.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "undo-failed")
    assert "undo a" not in room.order, "what lies below a failed undo stays as it is"
    repaired.append(True)
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert room.job(job_id).error is None
    assert room.order == ["a", "undo a"]


def test_an_undo_may_wait_and_sees_the_facts_of_its_step(room):
    gate, seen = {"open": False}, []

    def back(context):
        context.remember(Facts({"asked": True}))
        seen.append((context.remembered(Facts).root, context.order_id))
        if not gate["open"]:
            raise Wait("gate", 100, "the machine stops")
        return Done("undone")

    a = Step("a", lambda context: Done("a", Facts({"machine": "m7"})), undo=back)
    engine = room.engine(Definition("v", (a, Step("w", waits))))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.cancel, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLING
    room.ask(engine.cancel, job_id)  # asking again is harmless here too
    gate["open"] = True
    engine.signal("gate")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert {str(entry) for entry in seen} == {str(({"machine": "m7", "asked": True}, f"{job_id}/0/1/undo"))}


def test_a_job_that_undoes_a_failure_refuses_a_cancel(room):
    a = Step("a", lambda context: Done("a"), undo=waits)
    engine = room.engine(Definition("v", (a, Step("b", fails)), undo_on_failure=True))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    with pytest.raises(Refused, match="being undone"):
        room.ask(engine.cancel, job_id)


def test_a_job_that_was_held_on_its_way_back_goes_on_with_that_when_it_is_cancelled(room):
    gate = {"open": False}

    def undo(context):
        if not gate["open"]:
            raise Wait("gate", 1000, "the way back waits")
        return Done("undone")

    first = Step("a", room.does("a").run, undo=undo)
    engine = room.engine(verb("v", first, Step("broken", fails), undo_on_failure=True))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(held_jobs.hold_all)
    room.ask(engine.cancel, job_id)
    gate["open"] = True
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.FAILED
    assert ("Undo: a", "succeeded") in room.states(job_id)


def test_a_failure_whose_undo_was_retried_still_says_what_failed(room):
    """It ended as failed with a sentence of success and without an error."""
    repaired: list[Any] = []

    def back(context):
        return Done("undone") if repaired else fails(context)

    steps = (Step("a", lambda context: Done("a"), undo=back), Step("b", fails))
    engine = room.engine(verb("v", *steps, undo_on_failure=True))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).error.code == "undo-failed"
    why = next(task.error for task in room.tasks(job_id) if task.key == "b")
    repaired.append(True)
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    job = room.job(job_id)
    assert (job.state, job.error, job.result) == (JobState.FAILED, why, why.message)
