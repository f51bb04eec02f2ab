"""Who locks several jobs on PostgreSQL takes them in one order, so that none waits for one who waits for
him."""

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from rig.background import Background
from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.context import Child
from secondsite.jobs.model.definitions import Children, Definition, Step
from secondsite.jobs.model.outcomes import Wait
from secondsite.jobs.running import held_jobs
from secondsite.jobs.storage import journal, read
from secondsite.jobs.storage.database import connect
from tests.jobs.support_jobs import Facts, JournalSpace

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

MACHINES = 8


@pytest.fixture
def room(postgres_url):
    db = connect(postgres_url)
    room = JournalSpace(db)
    yield room
    room.close()
    db.dispose()


@pytest.fixture
def batch(room):
    """Its engine and its id: machines that all wait."""

    def waits(_context):
        raise Wait("gate", 1000, "shut", poll_seconds=60)

    def group(context):
        return context.run_children(
            lambda: [Child("one", f"m{n}", f"m{n}", Facts({})) for n in range(MACHINES)], deadline_seconds=600
        )

    definitions = (
        Definition("batch", (Step("Machines", group),), children=Children.ANY),
        Definition("one", (Step("Wait", waits),)),
    )
    engine = room.engine(*definitions)
    job_id = room.submit(engine, "batch")
    engine.run_until_idle()
    return engine, job_id


def waits_for_a_lock(room):
    return room.look(
        lambda session: session.execute(
            sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        ).scalar_one()
    )


def cancel(room, engine, job_id):
    room.ask(engine.cancel, job_id)
    assert room.job(job_id).state is JobState.CANCELLING


def resume(room, engine, job_id):
    room.ask(engine.resume, job_id)
    assert room.job(job_id).state is JobState.RUNNING


@pytest.mark.parametrize("act", [cancel, resume])
def test_of_two_who_lock_the_jobs_of_a_batch_one_waits_for_the_other(room, batch, act):
    """A signal that many wait for, or a process that starts, came in a person's way: PostgreSQL ended one
    of the two after a second, and the person was told that the database failed."""
    engine, job_id = batch
    if act is resume:
        room.ask(held_jobs.hold_all)
    family = sorted([job_id, *(child.id for child in room.look(read.children_of, job_id))])
    done = threading.Event()

    def work():
        act(room, engine, job_id)
        done.set()

    with Session(room.db) as session:
        journal.lock_job(session, family[0])
        with Background({"act": work}):
            eventually(lambda: waits_for_a_lock(room), 20)
            for each in family[1:]:
                journal.lock_job(session, each)
            session.commit()
            assert done.wait(20)
