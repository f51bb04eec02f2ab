"""Die at every seam, one after the other; a new engine must finish what the dead one began.

Effects happen at least once and a repeat carries the same order id; what commits with a step happens once.
"""

import itertools
import sqlite3

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from rig.dying import Fuse, Killed
from secondsite.ground import seams
from secondsite.ground.job_states import JobState
from secondsite.jobs.model import asking
from secondsite.jobs.model.context import Child
from secondsite.jobs.model.definitions import Children, Definition, Step
from secondsite.jobs.model.failures import StepFailed
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.storage import read, search, tables
from secondsite.jobs.storage.database import connect
from tests.jobs.support_jobs import Facts, JournalSpace, enter, hooks, ledger

SQLITE, POSTGRESQL = "sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.chaos])
QUESTION = asking.Question(instruction="Look at it", verdicts=("done", "failed"), negative=("failed",))
pytestmark = [pytest.mark.slow, pytest.mark.longest]


def story(room):
    """A verb with all there is: facts, memory, a wait, children, a question, a failure or a cancel, undo.
    Its steps come from its arguments."""
    asked = set()

    def waits(context):
        context.remember(Facts({"asked": True}))
        if context.order_id in asked:
            return Done("the appliance answered")
        asked.add(context.order_id)
        raise Wait("answer", 1000, "the appliance works on it")

    def group(context):
        return context.run_children(lambda: [Child("child", f"m{n}", f"m{n}") for n in range(2)], 1000)

    def question(context):
        answer = context.ask(QUESTION)
        return Done(answer.note, commit=lambda session: enter(session, answer.verdict))

    def last(context):
        if context.arguments(Facts)["end"] == "failure":
            raise StepFailed("broken", "it broke", "Mend it")
        if context.arguments(Facts)["end"] == "cancel" and not context.cancel_requested:
            raise Wait("never", 1000, "waits to be cancelled")
        return Done("through")

    steps = {
        "a": room.does("a"), "w": Step("w", waits), "g": Step("g", group, children=Children.SOME),
        "q": Step("q", question), "last": Step("last", last), "z": room.does("z"),
    }  # fmt: skip

    def steps_of(arguments):
        return [steps[key] for key in arguments["steps"]]

    parent = Definition("story", steps_of=steps_of, undo_on_failure=True, **hooks())
    return parent, Definition("child", (room.does("c"),))


def told(end):
    return Facts({"end": end, "steps": ["a", "w", "g", "q", "last", "z"]})


def tell(room, end):
    """Run the story to its end with engines that may die; gives the job's id."""
    job_id = None
    while True:
        engine = room.engine(*story_of(room))
        try:
            job_id = job_id or room.submit(engine, "story", arguments=told(end), job_id="the-story")
            run(room, engine)
            if asking.asks_now(room.tasks(job_id)[3]):
                room.ask(engine.answer, job_id, asking.GivenAnswer(3, "done", "seen", "ann"))
                run(room, engine)
            waiting = room.tasks(job_id)[4].waiting_for == "never" and not room.job(job_id).cancel_requested
            if end == "cancel" and waiting:
                room.ask(engine.cancel, job_id)
                run(room, engine)
            if room.job(job_id).state.ended:
                return job_id
        except Killed:
            continue


def run(room, engine):
    """Run what is ready; the room may listen to the engine's commits meanwhile."""
    if room.commits is None:
        engine.run_until_idle()
        return
    sa.event.listen(Session, "after_commit", room.commits)
    try:
        engine.run_until_idle()
    finally:
        sa.event.remove(Session, "after_commit", room.commits)


def story_of(room):
    if not hasattr(room, "story"):
        room.story = story(room)
    return room.story


EXPECTED = {
    "success": (JobState.SUCCEEDED, ["start 1", "a", "c", "c", "done", "z", "succeeded"]),
    "failure": (JobState.FAILED, ["start 1", "a", "c", "c", "done", "undo a", "failed"]),
    "cancel": (JobState.CANCELLED, ["start 1", "a", "c", "c", "done", "undo a", "cancelled"]),
}


def check(room, job_id, end):
    state, written = EXPECTED[end]
    assert room.job(job_id).state is state
    assert room.entries() == written
    assert all(room.effects[f"{job_id}/0/1{undo}"] for undo in ([""] if end == "success" else ["", "/undo"]))
    assert all(job.state.ended for job in room.look(search.find))
    assert len(room.look(read.children_of, job_id)) == 2
    assert room.tasks(job_id)[3].sentence == "seen"
    moving = [task for task in room.tasks(job_id) if task.state in ("queued", "running", "waiting")]
    assert not moving


def emptied(room):
    """The same database without a row: a new story."""
    with Session(room.db) as session, session.begin():
        for table in (ledger, *reversed(tables.metadata.sorted_tables)):
            session.execute(table.delete())
    return JournalSpace(room.db, create=False)


class LostAnswer:
    """The n-th commit happens, and its answer is lost on the way back."""

    def __init__(self, nth):
        self.left = nth

    def __call__(self, _session):
        self.left -= 1
        if self.left == 0:
            raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))


@pytest.mark.slow
@pytest.mark.parametrize("database_url", [SQLITE, POSTGRESQL], indirect=True)
@pytest.mark.parametrize("end", list(EXPECTED))
def test_death_at_each_seam_in_turn_changes_nothing_in_the_end(room, end, sliced):
    reached = set()
    for nth in itertools.count(*sliced.steps(4)):
        room, fuse = emptied(room), Fuse(nth)
        with seams.armed(fuse):
            job_id = tell(room, end)
        check(room, job_id, end)
        repeats = sum(room.effects.values()) - len(room.effects)
        assert repeats <= 1, "one death repeats one effect at most"
        if fuse.at is None:
            break
        reached.add(fuse.at)
    assert nth > 40
    if sliced.whole:
        assert reached >= {
        "job.claim.committed", "job.start.before-commit", "job.start.committed", "job.step.before",
        "job.step.begun", "job.step.effect-done", "job.step.before-commit", "job.step.committed",
        "job.remember.committed", "job.children.before-commit", "job.children.committed",
        "job.end.before-commit", "job.end.committed",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("end", list(EXPECTED))
def test_a_commit_whose_answer_is_lost_counts_once(tmp_path, end, sliced):
    """As when the connection breaks during COMMIT: nobody knows, everything is tried again."""
    db = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    room = JournalSpace(db)
    for nth in itertools.count(*sliced.steps(6, whole=2)):
        room, lost = emptied(room), LostAnswer(nth)
        room.commits = lost
        job_id = tell(room, end)
        check(room, job_id, end)
        assert sum(room.effects.values()) == len(room.effects), "no effect is repeated for a lost answer"
        if lost.left > 0:
            break
    assert nth > 20
    db.dispose()


@hypothesis.settings(max_examples=10)
@hypothesis.given(
    end=st.sampled_from(list(EXPECTED)), gaps=st.lists(st.integers(min_value=1, max_value=25), max_size=8)
)
def test_many_deaths_at_random_seams_change_nothing_in_the_end(tmp_path_factory, end, gaps):
    db = connect(f"sqlite:///{tmp_path_factory.mktemp('many') / 'jobs.db'}")
    room, left = JournalSpace(db), list(gaps)
    fuse = Fuse(left.pop() if left else 0)

    def die_again(name):
        try:
            fuse(name)
        except Killed:
            fuse.left = left.pop() if left else 0
            raise

    with seams.armed(die_again):
        job_id = tell(room, end)
    check(room, job_id, end)
    room.close()
    db.dispose()
