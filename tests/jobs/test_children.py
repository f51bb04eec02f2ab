"""Jobs whose steps are jobs: policies, cancel and retry reach the children, their ends reach the parent."""

from sqlalchemy.orm import Session

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.context import Child
from secondsite.jobs.model.definitions import Children, Definition, Step
from secondsite.jobs.model.failures import StepFailed
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.storage import read
from tests.jobs.support_jobs import Facts


class Plan:
    """A plan that starts machines; those in `broken` fail, those in `stuck` wait."""

    def __init__(self, room, policy, machines=("m1", "m2", "m3")):
        self.room, self.machines = room, machines
        self.broken, self.stuck = set(), set()
        self.engine = room.engine(
            Definition("plan", (Step("Group 1", self.group), room.does("After")), children=policy),
            Definition("start", (Step("Start", self.start, undo=self.stop),)),
        )

    def group(self, context):
        wanted = [
            Child("start", machine, machine.upper(), Facts({"n": n}))
            for n, machine in enumerate(self.machines)
        ]
        return context.run_children(lambda: wanted, deadline_seconds=600)

    def start(self, context):
        self.room.order.append(context.subject)
        if context.subject in self.broken:
            raise StepFailed("no-memory", "no memory left", "Free some")
        if context.subject in self.stuck:
            raise Wait("never", 1000, "stuck")
        return Done("started")

    def stop(self, context):
        self.room.order.append(f"stop {context.subject}")
        return Done("stopped")

    def run(self):
        job_id = self.room.submit(self.engine, "plan", requested_by="ann")
        self.engine.run_until_idle()
        return job_id


def children(room, job_id):
    return [(child.subject, str(child.state)) for child in room.look(read.children_of, job_id)]


def test_a_step_of_children_ends_when_all_have_ended(room):
    plan = Plan(room, Children.ALL)
    job_id = plan.run()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert sorted(room.order) == ["After", "m1", "m2", "m3"]
    tree = room.look(read.tree, job_id)
    assert [(child.job.subject_name, child.job.requested_by) for child in tree.children] == [
        ("M1", "ann"), ("M2", "ann"), ("M3", "ann"),
    ]  # fmt: skip
    assert tree.tasks[0].sentence == "3 of 3 succeeded"


def test_all_fails_the_step_when_one_child_fails_and_retry_retries_that_child(room):
    plan = Plan(room, Children.ALL)
    plan.broken = {"m2"}
    job_id = plan.run()
    job = room.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "children-failed")
    assert job.error.message == "2 of 3 succeeded; not: M2"
    plan.broken, room.order[:] = set(), []
    room.ask(plan.engine.retry, job_id)
    plan.engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert room.order == ["m2", "After"]
    assert children(room, job_id) == [("m1", "succeeded"), ("m2", "succeeded"), ("m3", "succeeded")]


def test_any_goes_on_and_the_job_ends_as_partially_succeeded(room):
    plan = Plan(room, Children.ANY)
    plan.broken = {"m1", "m3"}
    job_id = plan.run()
    assert room.job(job_id).state is JobState.PARTIALLY_SUCCEEDED
    assert room.order[-1] == "After"
    plan.broken = {"m3"}
    room.ask(plan.engine.retry, job_id)
    plan.engine.run_until_idle()
    assert room.job(job_id).state is JobState.PARTIALLY_SUCCEEDED
    assert children(room, job_id) == [("m1", "succeeded"), ("m2", "succeeded"), ("m3", "failed")]


def with_one_cancelled(room, policy):
    """A plan that has ended: m1 failed, a person cancelled m2, m3 succeeded."""
    plan = Plan(room, policy)
    plan.broken, plan.stuck = {"m1"}, {"m2"}
    job_id = plan.run()
    room.ask(plan.engine.cancel, room.look(read.children_of, job_id)[1].id)
    plan.engine.run_until_idle()
    plan.broken, plan.stuck, room.order[:] = set(), set(), []
    return plan, job_id


def test_a_retry_leaves_a_child_alone_that_a_person_has_cancelled(room):
    plan, job_id = with_one_cancelled(room, Children.ANY)
    room.ask(plan.engine.retry, job_id)
    plan.engine.run_until_idle()
    assert (room.order[0], "m2" in room.order) == ("m1", False)
    assert children(room, job_id) == [("m1", "succeeded"), ("m2", "cancelled"), ("m3", "succeeded")]
    assert room.job(job_id).state is JobState.PARTIALLY_SUCCEEDED


def test_a_parent_that_lacks_only_what_was_cancelled_advises_no_retry(room):
    plan, job_id = with_one_cancelled(room, Children.ALL)
    assert "then retry" in room.job(job_id).error.do
    room.ask(plan.engine.retry, job_id)
    plan.engine.run_until_idle()
    error = room.job(job_id).error
    assert error.message == "2 of 3 succeeded; not: M2"
    assert error.do.startswith("They were cancelled, and a retry leaves them so")


def test_any_fails_when_no_child_succeeds(room):
    plan = Plan(room, Children.ANY)
    plan.broken = {"m1", "m2", "m3"}
    assert room.job(plan.run()).state is JobState.FAILED


def test_no_children_is_a_no_op_that_says_so(room):
    job_id = Plan(room, Children.ALL, machines=()).run()
    assert room.states(job_id)[0] == ("Group 1", "skipped")
    assert room.tasks(job_id)[0].sentence == "there was nothing to start"


def test_cancel_reaches_the_children_and_the_parent_ends_after_them(room):
    plan = Plan(room, Children.ALL)
    plan.stuck = {"m2"}
    job_id = plan.run()
    assert room.job(job_id).state is JobState.WAITING
    assert room.tasks(job_id)[0].sentence == "2 of 3 have ended"
    room.ask(plan.engine.cancel, job_id)
    plan.engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert children(room, job_id)[1] == ("m2", "cancelled")
    assert room.order[-1] == "stop m2"
    parent, child = room.job(job_id), room.look(read.children_of, job_id)[1]
    assert parent.ended_at >= child.ended_at
    assert parent.result == (
        "cancelled; of its 3 jobs 1 cancelled, 2 succeeded; what succeeded stays; what was cancelled says "
        "what it undid"
    )


def test_children_that_are_submitted_after_the_cancel_are_cancelled_too(room):
    plan = Plan(room, Children.ALL)
    plan.stuck = set(plan.machines)
    group = plan.group

    def cancelled_meanwhile(context):
        room.ask(plan.engine.cancel, context.job_id)
        return group(context)

    engine = room.engine(
        Definition("plan", (Step("Group 1", cancelled_meanwhile),)),
        Definition("start", (Step("Start", plan.start, undo=plan.stop),)),
    )
    plan.engine = engine
    job_id = plan.run()
    for _ in range(3):
        room.clock.advance(2)
        engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert {state for _, state in children(room, job_id)} == {"cancelled"}


def test_a_cancelled_parent_waits_for_a_child_that_cannot_be_cancelled(room):
    gate = {"open": False}

    def start(context):
        if not gate["open"]:
            raise Wait("gate", 1000, "not to be stopped")
        return Done("started")

    engine = room.engine(
        Definition(
            "plan", (Step("Group", lambda context: context.run_children(lambda: [Child("start")], 600)),)
        ),
        Definition("start", (Step("Start", start),), cancelable=False),
    )
    job_id = room.submit(engine, "plan")
    engine.run_until_idle()
    room.ask(engine.cancel, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLING
    gate["open"] = True
    engine.signal("gate")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.CANCELLED
    assert children(room, job_id) == [(None, "succeeded")]


def test_children_run_side_by_side_on_a_started_engine(room):
    plan = Plan(room, Children.ALL, machines=tuple(f"m{number}" for number in range(10)))
    plan.engine.start()
    job_id = room.submit(plan.engine, "plan")
    assert room.ended(job_id).state is JobState.SUCCEEDED
    assert len(room.order) == 11


def test_children_are_forgotten_with_their_parent(room):
    plan = Plan(room, Children.ALL)
    job_id = plan.run()
    room.clock.advance(1)
    with Session(room.db) as session, session.begin():
        assert read.forget(session, room.clock.now) == 1
    assert room.look(read.children_of, job_id) == []
