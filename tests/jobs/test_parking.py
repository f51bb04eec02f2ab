"""A wait that ends within a second is written nowhere, and nothing is lost by that."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from rig.eventually import eventually
from secondsite.ground import seams
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.running import held_jobs, parking
from secondsite.jobs.running.engine import Engine
from secondsite.jobs.running.parking import ParkedJob, ParkingLot
from secondsite.jobs.running.snapshot import Snapshot
from secondsite.jobs.storage import tables
from secondsite.jobs.storage.journal import Claim
from tests.jobs.support_jobs import Facts, Gate, waiting_job


@pytest.fixture
def long(monkeypatch):
    """Jobs may park for longer than any test takes."""
    monkeypatch.setattr(parking, "PARKED_SECONDS", 100.0)


def patient(**wait):
    return Gate(poll_seconds=1000, deadline_seconds=1000, **wait)


def test_a_wait_that_ends_soon_is_not_written_down(room, long):
    gate = patient()
    engine, job_id = waiting_job(room, gate)
    engine.start()
    eventually(lambda: gate.looks)
    gate.open = True
    engine.signal("gate")
    assert room.ended(job_id).state is JobState.SUCCEEDED
    [task] = room.tasks(job_id)
    assert (task.waiting_since, len(set(gate.contexts))) == (None, 1)


def test_a_signal_that_comes_after_the_look_and_before_the_job_is_parked_is_not_lost(room, long):
    gate = patient()
    engine, job_id = waiting_job(room, gate)
    gate.answer = gate.opens_after_the_first_look(lambda: engine.signal("gate"))
    engine.start()
    assert room.ended(job_id).state is JobState.SUCCEEDED
    assert gate.looks >= 2


def test_a_wait_that_lasts_is_written_down_as_long_as_it_has_lasted(room, monkeypatch):
    monkeypatch.setattr(parking, "PARKED_SECONDS", 0.2)
    gate = patient()
    engine, job_id = waiting_job(room, gate)
    engine.start()
    eventually(lambda: room.job(job_id).state is JobState.WAITING)
    [task] = room.tasks(job_id)
    assert (room.clock.now - task.waiting_since).total_seconds() >= 0.2
    gate.open = True
    engine.signal("gate")
    assert room.ended(job_id).state is JobState.SUCCEEDED


def test_each_thing_that_a_step_waits_for_has_its_time_and_the_step_its_deadline(room, monkeypatch):
    monkeypatch.setattr(parking, "PARKED_SECONDS", 0.1)
    looks = []

    def step(context):
        looks.append(round(context.waited_seconds, 3))
        raise Wait(f"signal-{len(looks)}", 1.0, "for something else each time", poll_seconds=0.01)

    engine = room.engine(Definition("v", (Step("Pass", step),)))
    engine.start()
    job_id = room.submit(engine, "v")
    eventually(lambda: room.tasks(job_id)[0].waiting_since)
    room.clock.advance(2)
    assert room.ended(job_id).error.code == "deadline-exceeded"
    assert looks == sorted(looks)


def test_a_cancel_reaches_a_job_that_is_parked(room, long):
    gate = patient()
    engine, job_id = waiting_job(room, gate)
    engine.start()
    eventually(lambda: gate.looks)
    room.ask(engine.cancel, job_id)
    assert room.ended(job_id).state is JobState.CANCELLED


def at_once(seam, do):
    """The first time that somebody reaches the seam."""
    waiting = [do]

    def reached(name):
        if name == seam and waiting:
            waiting.pop()()

    return seams.armed(reached)


@pytest.mark.parametrize("seam", ["job.start.committed", "job.step.begun", "job.step.effect-done"])
def test_a_cancel_that_comes_before_the_job_is_parked_reaches_it(room, long, seam):
    gate = patient()
    engine, job_id = waiting_job(room, gate)
    with at_once(seam, lambda: room.ask(engine.cancel, job_id)):
        engine.start()
        assert room.ended(job_id).state is JobState.CANCELLED
    assert gate.looks <= 1


def test_what_a_step_remembered_before_it_was_parked_is_known_at_its_next_look(room, long):
    remembered = []

    def step(context):
        remembered.append(context.remembered(Facts))
        if remembered[-1] is None:
            context.remember(Facts({"asked": True}))
            raise Wait("gate", 1000, "it was asked", poll_seconds=1000)
        return Done("answered")

    engine = room.engine(Definition("v", (Step("Ask", step),)))
    engine.start()
    job_id = room.submit(engine, "v")
    eventually(lambda: remembered)
    engine.signal("gate")
    room.ended(job_id)
    assert [facts and facts.root for facts in remembered] == [None, {"asked": True}]


def test_a_job_that_was_parked_when_its_engine_ended_goes_on_with_the_next_one(room, long):
    gate = patient()
    engine, job_id = waiting_job(room, gate)
    engine.start()
    eventually(lambda: gate.looks)
    assert engine.stop(5)
    gate.open = True
    room.engine(Definition("v", (Step("Pass", gate.step),))).run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert len(set(gate.contexts)) == 1, "under the same order id"


def test_a_parked_step_has_waited_since_it_first_waited_whatever_it_waited_for(room, long):
    waited = []

    def step(context):
        waited.append((context.waited_seconds, context.began_at))
        if len(waited) < 4:
            raise Wait(f"signal-{len(waited)}", 1000, "one after the other", poll_seconds=1000)
        return Done("through")

    engine = room.engine(Definition("v", (Step("Pass", step),)))
    engine.start()
    job_id = room.submit(engine, "v")
    for number in (1, 2, 3):
        eventually(lambda number=number: len(waited) == number)
        engine.signal(f"signal-{number}")
    room.ended(job_id)
    seconds = [each for each, _began in waited]
    assert seconds == sorted(seconds)
    assert seconds[0] == 0.0 < seconds[1]
    assert len({began for _seconds, began in waited}) == 1


def parked_alone(room, gate, begins=lambda engine: None):
    """A job that is parked in an engine with one thread, and a way to know that the thread has nothing
    else to do."""
    engine = room.engine(
        Definition("v", (Step("Pass", gate.step),)), Definition("next", (room.does("next"),)), workers=1
    )
    begins(engine)
    engine.start()
    job_id = room.submit(engine, "v")
    eventually(lambda: gate.looks)

    def idle():
        room.ended(room.submit(engine, "next"))

    return engine, job_id, idle


def test_a_parked_job_that_is_held_does_not_look_again_until_it_is_resumed(room, long):
    gate = patient()
    engine, job_id, idle = parked_alone(room, gate)

    def hold(session):
        engine.changes.tell_on_commit(session)
        held_jobs.hold_all(session)

    room.ask(hold)
    gate.open = True
    engine.signal("gate")
    idle()
    assert (gate.looks, room.job(job_id).state) == (1, JobState.HELD)
    room.ask(engine.resume, job_id)
    assert room.ended(job_id).state is JobState.SUCCEEDED


def test_a_job_that_is_held_while_its_step_looks_does_not_look_again_either(room, long):
    gate = patient()
    engines: list[Engine] = []

    def hold(session):
        engines[0].changes.tell_on_commit(session)
        held_jobs.hold_all(session)

    with at_once("job.step.effect-done", lambda: room.ask(hold)):
        engine, job_id, idle = parked_alone(room, gate, engines.append)
        idle()
        engine.signal("gate")
        idle()
    assert (gate.looks, room.job(job_id).state) == (1, JobState.HELD)


def test_a_job_that_was_taken_while_the_lease_was_lost_is_not_parked_here_any_more(room, long):
    gate = patient()
    engine, _, idle = parked_alone(room, gate)

    def take(session):
        lives = {"epoch": 1, "started_at": datetime.now(UTC), "expires_at": datetime.now(UTC) + timedelta(1)}
        session.execute(tables.engines.insert().values(owner="other", **lives))
        epoch = tables.jobs.c.claim_epoch + 1
        session.execute(tables.jobs.update().values(claim_owner="other", claim_epoch=epoch))

    room.ask(take)
    engine.standing.lose()
    engine.standing.renewed(time.monotonic())
    gate.open = True
    engine.signal("gate")
    idle()
    assert gate.looks == 1


def test_in_a_crowd_a_step_looks_again_and_stays_parked(room, monkeypatch):
    monkeypatch.setattr(parking, "PARKED_SECONDS", 0.05)
    monkeypatch.setattr(parking, "CROWD", 0)
    gate = Gate(poll_seconds=0.05, deadline_seconds=1000)
    engine, job_id = waiting_job(room, gate)
    engine.start()
    is_alone = room.db.dialect.name == "sqlite"
    eventually(lambda: gate.looks >= 5 if is_alone else room.tasks(job_id)[0].waiting_since)
    assert (room.tasks(job_id)[0].waiting_since is None) is is_alone, (
        "another process's signal finds what is written"
    )
    gate.open = True
    engine.signal("gate")
    assert room.ended(job_id).state is JobState.SUCCEEDED


def test_in_a_crowd_a_wait_is_written_down_all_the_same(room, monkeypatch):
    monkeypatch.setattr(parking, "CROWD", 0)
    monkeypatch.setattr(parking, "PARKED_IN_A_CROWD_SECONDS", 0.3)
    engine, job_id = waiting_job(room, Gate(poll_seconds=0.1, deadline_seconds=1000))
    engine.start()
    eventually(lambda: room.tasks(job_id)[0].waiting_since)


def parked_at(lot, job_id, position, signal="gate"):
    """A job that waits in this step, and that nobody has written to."""
    snapshot = cast(Snapshot, SimpleNamespace(claim=Claim(job_id, "me", 1), known=lot.number))
    now = lot._monotonic()  # noqa: SLF001 the lot's own clock
    return ParkedJob(snapshot.claim, snapshot, 1, signal, now, now + 1000, now + 1000, lot.number, position)


def ids_of_next(lot, count):
    """In which order they go on."""
    return [parked and parked.job_id for parked in (lot.next() for _ in range(count))]


def test_of_several_that_can_go_on_the_furthest_is_first():
    lot = ParkingLot(lambda: None)
    for job_id, position in (("a", 1), ("b", 3), ("c", 3), ("d", 0)):
        lot.park(parked_at(lot, job_id, position))
    lot.signal("gate")
    assert ids_of_next(lot, 5) == ["b", "c", "a", "d", None]


def test_whoever_has_been_able_to_go_on_for_long_does():
    now = [0.0]
    lot = ParkingLot(lambda: None, lambda: now[0])
    lot.park(parked_at(lot, "near", 0))
    lot.signal("gate")
    now[0] = parking.PATIENT_SECONDS - 1
    for job_id in ("far", "farther"):
        lot.park(parked_at(lot, job_id, 4))
    lot.signal("gate")
    assert ids_of_next(lot, 1) == ["far"]
    now[0] += 1
    assert ids_of_next(lot, 2) == ["near", "farther"]
