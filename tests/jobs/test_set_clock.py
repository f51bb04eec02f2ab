"""A clock that is set by an hour while jobs wait: none sleeps on, and no wait ends that had time left."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.storage.clock_changes import SetClock
from secondsite.jobs.storage.tables import jobs
from tests.jobs.support_jobs import Clock, Gate, waiting_job

HOUR = 3600


class Jumping(Clock):
    """Once armed it is set forward by the worker that looks at it next, which sees it as it was."""

    def __init__(self, armed):
        super().__init__()
        self.armed = armed

    def __call__(self):
        before = self.now
        if self.armed.is_set() and threading.current_thread().name.startswith("jobs-worker"):
            self.armed.clear()
            self.advance(HOUR)
        return before


def sleeps(room, job_id):
    return eventually(lambda: room.job(job_id).state is JobState.WAITING)


@pytest.mark.slow
def test_a_clock_that_is_set_back_keeps_no_job_asleep_and_one_that_is_set_forward_ends_no_wait(room):
    gate = Gate(poll_seconds=5, deadline_seconds=100)
    engine, job_id = waiting_job(room, gate)
    engine.start()
    try:
        sleeps(room, job_id)
        for step in (-HOUR, HOUR, HOUR):
            looks = gate.looks
            room.clock.advance(step)
            eventually(lambda looks=looks: gate.looks > looks, 10)
            sleeps(room, job_id)
        gate.open = True
        room.clock.advance(-HOUR)
        eventually(lambda: room.job(job_id).state is JobState.SUCCEEDED, 10)
    finally:
        engine.stop()


def test_a_job_that_another_hosts_clock_put_to_sleep_for_an_hour_looks_within_seconds(room):
    gate = Gate(poll_seconds=5, deadline_seconds=100)
    engine, job_id = waiting_job(room, gate, lease_seconds=0.4)
    engine.start()
    sleeps(room, job_id)
    looks = gate.looks
    with room.db.begin() as connection:
        connection.execute(sa.update(jobs).values(ready_at=room.clock.now + timedelta(hours=1)))
    eventually(lambda: gate.looks > looks, 10)


def test_a_clock_that_is_set_between_an_answer_and_its_record_is_followed_first(room):
    gate = Gate(poll_seconds=5, deadline_seconds=100)
    armed = threading.Event()
    room.clock = Jumping(armed)
    engine, job_id = waiting_job(room, gate)
    step = gate.step

    def answers_and_jumps(context):
        armed.set()
        return step(context)

    gate.answer = answers_and_jumps
    engine.start()
    sleeps(room, job_id)
    eventually(lambda: gate.looks >= 2 and not armed.is_set())
    sleeps(room, job_id)
    left = room.tasks(job_id)[0].deadline_at - room.clock.now
    assert timedelta(0) < left <= timedelta(seconds=100)
    gate.answer = step
    gate.open = True
    engine.signal("gate")
    assert room.ended(job_id).state is JobState.SUCCEEDED


def test_a_signal_that_waited_for_the_database_while_the_clock_was_set_back_wakes_its_job(room):
    gate = Gate(poll_seconds=50, deadline_seconds=100)
    engine, job_id = waiting_job(room, gate)
    engine.start()
    sleeps(room, job_id)
    looks = gate.looks
    with room.db.begin() as busy:
        busy.execute(sa.update(jobs).values(result="held"))
        signalling = threading.Thread(target=engine.signal, args=("gate",))
        signalling.start()
        room.clock.advance(-HOUR)
    signalling.join(10)
    eventually(lambda: gate.looks > looks, 10)


def test_an_instant_is_judged_by_the_reading_that_gave_it():
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    readings = iter([now, now + timedelta(hours=1), now])
    clock = SetClock(lambda: next(readings), lambda: 0.0)
    assert clock.look() == (now + timedelta(hours=1), True)
    assert clock.look() == (now, False)


def test_a_commit_that_waits_fails_its_step_and_leaves_the_worker(room):
    def commit(_session):
        raise Wait("never", 10, "for a miracle")

    engine = room.engine(Definition("v", (Step("Pass", lambda _context: Done("did", commit=commit)),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    job = room.job(job_id)
    assert (job.state, "never in its commit" in job.result) == (JobState.FAILED, True)
