"""Work that is ready for several workers at once is begun by as many of those that sleep."""

import threading

import pytest

from rig.eventually import eventually
from secondsite.jobs.model.context import Child
from secondsite.jobs.model.definitions import Children, Definition, Step
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.running import children, parking
from secondsite.jobs.running import engine as engines
from secondsite.jobs.running.lease_state import Bell
from secondsite.jobs.storage import claims, read
from tests.jobs.support_jobs import Facts, Gate

AT_ONCE = 8


@pytest.fixture
def asleep(monkeypatch):
    """The workers that sleep. They sleep so long that whoever is not woken does not begin in time."""
    sleepers, wait = [], Bell.wait

    def noted(bell, *arguments):
        sleepers.append(threading.current_thread())
        try:
            wait(bell, *arguments)
        finally:
            sleepers.remove(threading.current_thread())

    monkeypatch.setattr(engines, "IDLE_SECONDS", 60.0)
    monkeypatch.setattr(parking, "PARKED_SECONDS", 60.0)
    monkeypatch.setattr(children, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(Bell, "wait", noted)
    return sleepers


class Meeting:
    """A step that ends once so many are in it at the same time."""

    def __init__(self):
        self.barrier = threading.Barrier(AT_ONCE)

    def step(self, context):
        with context.aside():
            self.barrier.wait(10)
        return Done("all were here")


def test_an_end_that_lets_several_begin_wakes_as_many(room, asleep, monkeypatch):
    if room.db.dialect.name != "sqlite":
        pytest.skip("jobs are claimed one by one, and an end makes room for one")
    monkeypatch.setattr(
        claims, "MOST_OF_A_BATCH", claims.CANDIDATES
    )  # eight begin when all eight before have ended
    last, meeting = threading.Event(), Meeting()

    def step(context):
        n = context.arguments(Facts)["n"]
        if n == 0:
            with context.aside():
                last.wait(10)
        return meeting.step(context) if n >= claims.CANDIDATES else Done("began first")

    def have_ended(job_id):
        return sum(child.state.ended for child in room.look(read.children_of, job_id))

    def group(context):
        wanted = [Child("one", f"m{n}", f"m{n}", Facts({"n": n})) for n in range(claims.CANDIDATES + AT_ONCE)]
        return context.run_children(lambda: wanted, deadline_seconds=600)

    batch = Definition("batch", (Step("Machines", group),), children=Children.ANY)
    engine = room.engine(batch, Definition("one", (Step("First", step),)), workers=AT_ONCE)
    job_id = room.submit(engine, "batch")
    engine.start()
    eventually(lambda: have_ended(job_id) == len(asleep) == AT_ONCE - 1)
    last.set()
    assert room.ended(job_id).result == "16 of 16 succeeded"


def test_a_signal_that_several_wait_for_wakes_as_many(room, asleep):
    gate, meeting = Gate(poll_seconds=600), Meeting()

    def step(context):
        gate.step(context)
        return meeting.step(context)

    engine = room.engine(Definition("one", (Step("First", step),)), workers=AT_ONCE)
    engine.start()
    ids = [room.submit(engine, "one") for _ in range(AT_ONCE)]
    eventually(lambda: gate.looks == AT_ONCE and len(asleep) == AT_ONCE)
    gate.open = True
    engine.signal("gate")
    assert [room.ended(each).error for each in ids] == [None] * AT_ONCE
