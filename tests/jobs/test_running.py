"""Order, facts, progress, failure, retry: what a job does when nothing crashes."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from secondsite.ground.job_states import JobState
from secondsite.ground.problem import PeerUnreachable
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.failures import Refused, StepFailed
from secondsite.jobs.model.outcomes import Done, Skipped
from secondsite.jobs.storage import read, search
from tests.jobs.support_jobs import Facts, enter, verb


def test_steps_run_in_order_and_each_says_one_sentence(room):
    engine = room.engine(verb("failover", room.does("Prerequisites check"), room.does("Start")))
    job_id = room.submit(engine, "failover", subject="m1", subject_name="web01", requested_by="ann")
    assert room.states(job_id) == [("Prerequisites check", "queued"), ("Start", "queued")]
    engine.run_until_idle()
    job = room.job(job_id)
    assert (job.state, job.result, job.subject_name, job.requested_by) == (
        JobState.SUCCEEDED, "did Start", "web01", "ann",
    )  # fmt: skip
    assert [task.sentence for task in room.tasks(job_id)] == ["did Prerequisites check", "did Start"]
    assert room.entries() == ["start 1", "Prerequisites check", "Start", "succeeded"]
    assert job.created_at == job.started_at == job.ended_at == room.clock.now


def test_a_job_exists_only_if_the_transaction_that_submitted_it_commits(room):
    engine = room.engine(verb("v", room.does("a")))
    with Session(room.db) as session:
        job_id = engine.submit(session, "v")
        session.rollback()
    assert room.look(read.find, job_id) is None


def test_a_repeated_submission_under_one_id_starts_one_job(room):
    engine = room.engine(verb("v", room.does("a")))
    assert room.submit(engine, "v", job_id="mine") == room.submit(engine, "v", job_id="mine") == "mine"
    engine.run_until_idle()
    assert room.order == ["a"]


def test_an_unknown_verb_is_refused_by_name(room):
    engine = room.engine(verb("failover", room.does("a")))
    with pytest.raises(Refused, match=r"no job named fallover.*failover"):
        room.submit(engine, "fallover")


def test_later_steps_see_the_facts_of_earlier_ones_and_what_a_step_remembered(room):
    seen: dict[Any, Any] = {}

    def first(context):
        context.remember(Facts({"half": "way"}))
        assert context.remembered(Facts).root == {"half": "way"}
        return Done("found", Facts({"point": 7}))

    def second(context):
        seen.update(
            context.facts("Find", Facts).root,
            arguments=context.arguments(Facts).root,
            subject=context.subject,
        )
        with context.session() as session:
            seen["state"] = read.get(session, context.job_id).state
        return Skipped("nothing was left")

    engine = room.engine(Definition("v", (Step("Find", first), Step("Use", second))))
    job_id = room.submit(engine, "v", subject="m1", arguments=Facts({"choice": "LATEST"}))
    engine.run_until_idle()
    assert seen == {
        "half": "way", "point": 7, "arguments": {"choice": "LATEST"}, "subject": "m1", "state": "running",
    }  # fmt: skip
    assert room.states(job_id)[1] == ("Use", "skipped")
    assert room.look(read.facts_of, job_id, "Find", Facts).root == {"half": "way", "point": 7}


def test_progress_is_seen_while_the_step_runs(room):
    seen: list[Any] = []

    def copy(context):
        context.progress(0.25, "1 of 4 GiB")
        context.progress(0.3, "too soon to be told")
        with context.session() as session:
            seen.extend((task.progress, task.sentence) for task in read.tasks_of(session, context.job_id))
        return Done("copied")

    engine = room.engine(Definition("v", (Step("Copy", copy),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert seen == [(0.25, "1 of 4 GiB")]
    assert room.tasks(job_id)[0].progress == 1.0


def fails_until(attempt):
    def run(context):
        if context.attempt < attempt:
            context.remember(Facts({"tried": context.attempt}))
            raise StepFailed("no-network", "There is no bridge br7", "Make it, then retry")
        return Done(f"joined after {context.remembered(Facts)['tried']} tries")

    return run


def test_a_failure_is_recorded_with_what_to_do_and_ends_the_job(room):
    engine = room.engine(verb("v", room.does("a"), Step("b", fails_until(9)), room.does("c")))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    job = room.job(job_id)
    assert job.state is JobState.FAILED
    assert (job.error.code, job.error.message, job.error.do) == (
        "no-network", "There is no bridge br7", "Make it, then retry",
    )  # fmt: skip
    assert room.states(job_id) == [("a", "succeeded"), ("b", "failed"), ("c", "cancelled")]
    assert room.tasks(job_id)[2].sentence == "not reached: b failed"
    assert room.entries() == ["start 1", "a", "failed"]


def test_an_unknown_exception_is_an_internal_failure(room):
    def run(context):
        return dict[str, int]()["missing"]

    engine = room.engine(verb("v", Step("a", run)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).error.code == "internal"
    assert "KeyError" in room.job(job_id).error.message


def test_an_exception_with_a_code_of_its_own_is_recorded_as_it_says(room):
    def run(context):
        raise PeerUnreachable("Appliance b1 is silent", do="Check its power")

    engine = room.engine(verb("v", Step("a", run)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    error = room.job(job_id).error
    assert (error.code, error.message, error.do) == (
        "peer-unreachable", "Appliance b1 is silent", "Check its power",
    )  # fmt: skip


def test_retry_goes_on_from_the_step_that_failed_under_a_new_attempt(room):
    engine = room.engine(verb("v", room.does("a"), Step("b", fails_until(2)), room.does("c")))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert room.job(job_id).error is None
    assert [(task.key, task.attempt, str(task.state)) for task in room.tasks(job_id)] == [
        ("a", 1, "succeeded"), ("b", 1, "failed"), ("b", 2, "succeeded"), ("c", 2, "succeeded"),
    ]  # fmt: skip
    assert room.tasks(job_id)[2].sentence == "joined after 1 tries"
    assert room.entries() == ["start 1", "a", "failed", "start 2", "c", "succeeded"]
    assert room.effects == {f"{job_id}/0/1": 1, f"{job_id}/2/2": 1}


def test_a_retry_of_a_kind_that_goes_over_again_begins_with_the_first_step_and_without_facts(room):
    """What an earlier attempt found may no longer be true."""
    seen = []

    def look(context):
        seen.append(dict(context.stored_facts["look"]))
        context.remember(Facts({"seen": 1}))
        return Done("looked", Facts({"seen": 1}))

    def fail_first(context):
        if context.attempt == 1:
            raise StepFailed("no", "not yet", "Try again")
        return Done("done")

    kind = verb("v", Step("look", look), Step("b", fail_first), room.does("c"))
    engine = room.engine(replace(kind, over_again=True))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert [(task.key, task.attempt) for task in room.tasks(job_id)] == [
        ("look", 1), ("b", 1), ("look", 2), ("b", 2), ("c", 2)
    ]  # fmt: skip
    assert seen == [{}, {}]


def test_retry_is_refused_for_a_job_that_did_not_fail(room):
    engine = room.engine(verb("v", room.does("a")))
    job_id = room.submit(engine, "v")
    with pytest.raises(Refused, match="The job is queued"):
        room.ask(engine.retry, job_id)


def test_a_refused_commit_fails_the_step_and_leaves_no_trace_of_it(room):
    def commit(session):
        enter(session, "half")
        raise StepFailed("not-possible-now", "web01 was committed meanwhile", "Look again")

    engine = room.engine(verb("v", Step("a", lambda context: Done("done", commit=commit))))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).error.code == "not-possible-now"
    assert room.entries() == ["start 1", "failed"]


def test_an_end_that_the_domain_refuses_is_a_failure(room):
    def refuse(session, job):
        raise StepFailed("not-possible-now", "no such state", "Look again")

    engine = room.engine(verb("v", room.does("a"), on_success=refuse))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.FAILED
    assert room.entries() == ["start 1", "a", "failed"]


def test_a_start_that_the_domain_refuses_runs_no_step(room):
    def refuse(session, job):
        raise StepFailed("not-possible-now", "no such state", "Look again")

    engine = room.engine(verb("v", room.does("a"), on_start=refuse))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert (room.job(job_id).state, room.order) == (JobState.FAILED, [])
    assert room.states(job_id) == [("a", "cancelled")]


def test_jobs_are_found_by_state_subject_name_and_time_and_forgotten_when_old(room):
    engine = room.engine(verb("v", room.does("a")), verb("w", room.does("b")))
    old = room.submit(engine, "v", subject="m1")
    engine.run_until_idle()
    room.clock.advance(3600)
    later = room.clock.now
    new = room.submit(engine, "w", subject="m2")

    def found(**filters):
        return [job.id for job in room.look(search.find, search.JobQuery(**filters))]

    assert found() == [new, old]
    assert found(subject="m1") == found(verb="v") == found(states=frozenset([JobState.SUCCEEDED])) == [old]
    assert found(since=later) == found(states=frozenset([JobState.QUEUED])) == [new]
    assert found(before=later) == [old]
    last = room.job(new)
    assert [job.id for job in room.look(search.find, after=(last.created_at, last.id))] == [old]
    with Session(room.db) as session, session.begin():
        assert read.forget(session, later) == 1
    assert found() == [new]
    assert room.tasks(old) == ()


def test_every_committed_change_of_a_job_is_told_and_none_that_was_rolled_back(room):
    heard: list[Any] = []
    engine = room.engine(verb("v", room.does("a")))
    engine.changes.follow(heard.append)
    with pytest.raises(ZeroDivisionError), Session(room.db) as session, session.begin():
        engine.submit(session, "v")
        raise ZeroDivisionError
    assert heard == []
    job_id = room.submit(engine, "v")
    assert heard == [job_id]
    engine.run_until_idle()
    assert set(heard) == {job_id}
    assert len(heard) >= 4  # it began, its step began and ended, it ended
