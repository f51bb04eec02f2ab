"""A program that was upgraded meets jobs that the old one began."""

import pytest

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import Refused, StepFailed
from secondsite.jobs.model.outcomes import Done, Wait
from tests.jobs.support_jobs import verb


def waits(context):
    raise Wait("never", 1000, "waits")


def passes(context):
    return Done("passed")


def begin(room):
    engine = room.engine(verb("v", room.does("a"), Step("w", waits)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    return job_id


def test_steps_that_were_appended_are_run(room):
    job_id = begin(room)
    room.engine(verb("v", room.does("a"), Step("w", passes), room.does("new"))).run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert room.order == ["a", "new"]


@pytest.mark.parametrize("names", [["w"], ["a", "other"], ["new", "a", "w"], ["a", "new", "w"], ["a"]])
def test_steps_that_were_changed_end_the_job_with_a_clear_error(room, names):
    job_id = begin(room)
    upgraded = room.engine(verb("v", *(Step(name, passes) for name in names)))
    upgraded.run_until_idle()
    job = room.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "definition-changed")
    assert room.states(job_id) == [("a", "succeeded"), ("w", "cancelled")]
    assert room.entries()[-1] == "failed", "the domain was told"
    with pytest.raises(Refused, match="have changed in this version"):
        room.ask(upgraded.retry, job_id)


def test_a_title_that_was_reworded_changes_nothing_for_a_job_that_is_under_way(room):
    job_id = begin(room)
    room.engine(verb("v", room.does("a"), Step("w", passes, "Wait no longer"))).run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert [(task.key, task.title) for task in room.tasks(job_id)] == [("a", "a"), ("w", "w")]


def test_a_retry_shows_the_new_title(room):
    def fails(context):
        raise StepFailed("broken", "it broke", "Mend it")

    engine = room.engine(verb("v", Step("a", fails, "Old words")))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    upgraded = room.engine(verb("v", Step("a", passes, "New words")))
    room.ask(upgraded.retry, job_id)
    upgraded.run_until_idle()
    assert room.states(job_id) == [("Old words", "failed"), ("New words", "succeeded")]


def test_a_verb_that_is_gone_ends_its_jobs_with_a_clear_error(room):
    job_id = begin(room)
    room.engine(Definition("other", (Step("a", passes),))).run_until_idle()
    assert room.job(job_id).error.code == "definition-changed"


def test_whether_a_job_can_be_cancelled_is_asked_of_the_steps_that_are_left(room):
    """As each list of jobs does."""
    job_id = begin(room)
    shorter = room.engine(verb("v", room.does("a")))
    with pytest.raises(Refused, match="past the point of return"):
        room.ask(shorter.cancel, job_id)
