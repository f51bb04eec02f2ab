"""A job has the steps that its arguments say; each step judges its own children."""

from typing import Any

import pytest

from rig.dying import Killed
from secondsite.ground import seams
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.catalogue import Catalogue
from secondsite.jobs.model.context import Child
from secondsite.jobs.model.definitions import Children, Definition, Step
from secondsite.jobs.model.failures import Refused, StepFailed
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.storage import read
from tests.jobs.support_jobs import Facts, hooks


def route(room, **options):
    """A kind of job that goes where its arguments say."""
    made = []

    def steps_of(arguments):
        made.append(arguments)
        return [room.does(each) for each in arguments["by"]]

    return made, Definition("route", steps_of=steps_of, **options)


def by(*places):
    return Facts({"by": list(places)})


def test_a_job_has_the_steps_that_its_arguments_say(room):
    _, definition = route(room)
    engine = room.engine(definition)
    ids = [
        room.submit(engine, "route", arguments=by(*places))
        for places in (("a", "b"), ("c",), ("b", "a", "c"))
    ]
    assert [[task.title for task in room.tasks(job_id)] for job_id in ids] == [
        ["a", "b"], ["c"], ["b", "a", "c"],
    ]  # fmt: skip
    engine.run_until_idle()
    assert [room.job(job_id).state for job_id in ids] == [JobState.SUCCEEDED] * 3
    assert sorted(room.entries()) == sorted("abcbac")


def test_steps_are_made_once_for_all_moves_of_a_job(room):
    made, definition = route(room)
    engine = room.engine(definition)
    room.submit(engine, "route", arguments=by("a", "b", "c", "d"))
    made.clear()
    engine.run_until_idle()
    assert len(made) == 1


def test_what_says_no_steps_is_refused_before_there_is_a_job(room):
    _, definition = route(room)
    engine = room.engine(definition)
    for arguments in (by(), by("a", "a"), Facts({})):
        with pytest.raises((ValueError, KeyError)):
            room.submit(engine, "route", arguments=arguments)
    with pytest.raises(ValueError, match="unique keys"):
        Definition("neither")
    with pytest.raises(ValueError, match="unique keys"):
        Definition("both", (room.does("a"),), steps_of=lambda arguments: [])


def test_steps_of_two_jobs_of_one_kind_differ_and_both_go_on_after_a_kill(room):
    _, definition = route(room)
    engine = room.engine(definition)
    ids = [room.submit(engine, "route", arguments=by(*places)) for places in (("a", "b", "c"), ("c", "a"))]
    left = [7]

    def die(name):
        left[0] -= name == "job.step.effect-done"
        if left[0] == 4:
            raise Killed(name)

    with seams.armed(die), pytest.raises(Killed):
        engine.run_until_idle()
    assert not all(room.job(job_id).state.ended for job_id in ids)
    room.engine(route(room)[1]).run_until_idle()
    assert [room.job(job_id).state for job_id in ids] == [JobState.SUCCEEDED] * 2
    assert [[task.title for task in room.tasks(job_id)] for job_id in ids] == [["a", "b", "c"], ["c", "a"]]
    assert sorted(room.entries()) == sorted("abcca"), "each once"


def stops_at(name):
    def step(context):
        raise Wait("never", 1000, f"stands at {name}")

    return Step(name, step)


def stops(arguments: Any) -> list[Step]:
    return [stops_at(each) for each in arguments["by"]]


def stopped(room):
    engine = room.engine(Definition("route", steps_of=stops, **hooks()))
    job_id = room.submit(engine, "route", arguments=by("a", "b"))
    engine.run_until_idle()
    return job_id


def test_a_release_that_makes_other_steps_of_the_same_arguments_ends_the_job_and_says_so(room):
    job_id = stopped(room)
    _, definition = route(room, **hooks())
    other = Definition("route", steps_of=lambda arguments: [room.does("new")], **hooks())
    room.engine(other).run_until_idle()
    assert room.job(job_id).error.code == "definition-changed"
    assert room.entries()[-1] == "failed", "the domain was told"
    second = stopped(room)
    room.engine(definition).run_until_idle()
    assert room.job(second).state is JobState.SUCCEEDED, "one that makes the same goes on"


def test_a_release_that_can_make_no_steps_of_the_arguments_ends_the_job_and_says_so(room):
    job_id = stopped(room)

    def cannot(arguments):
        raise KeyError("which")

    engine = room.engine(Definition("route", steps_of=cannot, **hooks()))
    assert Catalogue([Definition("route", steps_of=cannot)]).of(room.job(job_id)).steps == ()
    engine.run_until_idle()
    assert room.job(job_id).error.code == "definition-changed"
    assert room.entries()[-1] == "failed"


class Groups:
    """A plan of groups, each with its policy; machines in `broken` fail."""

    def __init__(self, room, **policies):
        self.room, self.broken = room, set()
        steps = [Step(name, self.group(name), children=policy) for name, policy in policies.items()]
        self.engine = room.engine(
            Definition("plan", (*steps, room.does("after"))),
            Definition("start", (Step("Start", self.start),)),
        )

    def group(self, name):
        machines = [Child("start", f"{name}{number}", f"{name}{number}") for number in range(2)]
        return lambda context: context.run_children(lambda: machines, deadline_seconds=600)

    def start(self, context):
        self.room.order.append(context.subject)
        if context.subject in self.broken:
            raise StepFailed("no-memory", "no memory left", "Free some")
        return Done("started")

    def run(self):
        job_id = self.room.submit(self.engine, "plan")
        self.engine.run_until_idle()
        return self.room.job(job_id)


def test_a_batch_whose_policy_is_some_lets_the_next_step_begin_though_all_of_it_failed(room):
    groups = Groups(room, a=Children.SOME, b=Children.ALL)
    groups.broken = {"a0", "a1"}
    job = groups.run()
    assert job.state is JobState.PARTIALLY_SUCCEEDED
    assert room.order[2:] == ["b0", "b1", "after"]
    assert room.tasks(job.id)[0].sentence == "0 of 2 succeeded; not: a0, a1"


def test_a_batch_whose_policy_is_some_and_that_succeeds_makes_nothing_partial(room):
    assert Groups(room, a=Children.SOME).run().state is JobState.SUCCEEDED


def test_steps_of_one_job_judge_their_children_each_in_its_way(room):
    groups = Groups(room, a=Children.SOME, b=None, c=Children.ANY)
    groups.broken = {"a0", "b0"}
    job = groups.run()
    assert (job.state, job.error.message) == (JobState.FAILED, "1 of 2 succeeded; not: b0"), "ALL, as its job"
    assert {"c0", "c1"}.isdisjoint(room.order)


def test_a_retry_tries_the_failed_children_of_every_step_again(room):
    groups = Groups(room, a=Children.SOME, b=Children.ALL)
    groups.broken = {"a0", "b1"}
    job = groups.run()
    groups.broken, room.order[:] = set(), []
    room.ask(groups.engine.retry, job.id)
    groups.engine.run_until_idle()
    assert room.job(job.id).state is JobState.SUCCEEDED
    assert room.order == ["a0", "b1", "after"]
    assert {str(child.state) for child in room.look(read.children_of, job.id)} == {"succeeded"}


def test_a_job_whose_own_step_failed_is_retried_although_none_of_its_children_can_be(room):
    broken = [True]

    def refuses(session, job):
        raise Refused("taken", "somebody else has the machine", "Leave it")

    def fails(context):
        raise StepFailed("no-memory", "no memory left", "Free some")

    def last(context):
        if broken:
            raise StepFailed("broken", "it broke", "Mend it")
        return Done("through")

    def group(context):
        return context.run_children(lambda: [Child("start", "m1", "m1")], 600)

    engine = room.engine(
        Definition("plan", (Step("group", group, children=Children.SOME), Step("last", last))),
        Definition("start", (Step("Start", fails),), on_retry=refuses),
    )
    job_id = room.submit(engine, "plan")
    engine.run_until_idle()
    assert room.job(job_id).error.code == "broken"
    broken.clear()
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.PARTIALLY_SUCCEEDED
    with pytest.raises(Refused, match="somebody else has the machine"):
        room.ask(engine.retry, job_id)
