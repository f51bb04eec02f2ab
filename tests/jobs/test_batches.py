"""Jobs of a batch: those that began end before others begin, in the order of their list, and what one
person asked for between."""

import pytest

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.context import Child
from secondsite.jobs.model.definitions import Children, Definition, Step
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.storage import claims, read
from tests.jobs.support_jobs import Facts, Gate
from tests.support import statements


@pytest.fixture
def one_by_one(monkeypatch):
    """Jobs are claimed one by one, also on SQLite."""
    monkeypatch.setattr(claims, "CANDIDATES", 1)


def batch(room, machines, step):
    def group(context):
        wanted = [Child("one", f"m{n}", f"m{n}", Facts({"n": n})) for n in range(machines)]
        return context.run_children(lambda: wanted, deadline_seconds=600)

    def last(context):
        room.order.append(f"{context.subject} ends")
        return Done("ended")

    return (
        Definition("batch", (Step("Machines", group),), children=Children.ANY),
        Definition("one", (Step("First", step), Step("Last", last))),
    )


def states(room, job_id):
    return [str(child.state) for child in room.look(read.children_of, job_id)]


def test_a_job_that_began_comes_to_its_end_before_the_next_one_begins(room, one_by_one):
    def first(context):
        room.order.append(f"{context.subject} begins")
        return Done("began")

    engine = room.engine(*batch(room, 12, first))
    job_id = room.submit(engine, "batch")
    engine.run_until_idle()
    assert room.job(job_id).result == "12 of 12 succeeded"
    assert room.order == [f"m{n} {what}" for n in range(12) for what in ("begins", "ends")]


def test_no_more_jobs_of_a_batch_are_under_way_than_may_be_and_one_that_ends_makes_room(
    room, one_by_one, monkeypatch
):
    monkeypatch.setattr(claims, "MOST_OF_A_BATCH", 3)
    gates = {f"m{n}": Gate(signal=f"gate-{n}") for n in range(7)}
    engine = room.engine(*batch(room, 7, lambda context: gates[context.subject].step(context)))
    job_id = room.submit(engine, "batch")
    engine.run_until_idle()
    assert states(room, job_id) == ["waiting"] * 3 + ["queued"] * 4
    gates["m1"].open = True
    engine.signal("gate-1")
    engine.run_until_idle()
    assert states(room, job_id) == ["waiting", "succeeded", "waiting", "waiting"] + ["queued"] * 3


def test_a_batch_that_is_full_is_in_nobody_elses_way(room, one_by_one, monkeypatch):
    monkeypatch.setattr(claims, "MOST_OF_A_BATCH", 1)
    gate = Gate()
    engine = room.engine(*batch(room, 3, lambda context: gate.step(context)))
    stuck = room.submit(engine, "batch")
    engine.run_until_idle()
    assert states(room, stuck) == ["waiting", "queued", "queued"]
    gate.open = True
    other = room.submit(engine, "batch")
    engine.run_until_idle()
    assert room.job(other).state is JobState.SUCCEEDED
    assert states(room, stuck) == ["waiting", "queued", "queued"], "nobody told it of its gate"


def test_what_one_person_asked_for_goes_before_the_machines_of_a_batch_that_have_not_begun(room, one_by_one):
    def first(context):
        room.order.append(f"{context.subject} begins")
        if context.subject == "m1":
            room.submit(engine, "single")
        return Done("began")

    def only(context):
        room.order.append("single")
        return Done("done")

    engine = room.engine(*batch(room, 4, first), Definition("single", (Step("Only", only),)))
    room.submit(engine, "batch")
    engine.run_until_idle()
    assert room.order.index("single") == room.order.index("m1 ends") + 1


def test_the_children_of_a_long_batch_are_not_counted_at_each_end(room):
    if room.db.dialect.name != "sqlite":
        pytest.skip("other processes may run some of them: they are counted at each end")
    said = statements.noted(room.db)
    engine = room.engine(*batch(room, 300, lambda _context: Done("began")))
    job_id = room.submit(engine, "batch")
    engine.run_until_idle(deadline_seconds=120)
    assert room.job(job_id).result == "300 of 300 succeeded"
    counted = sum("count(*) filter" in each.lower() for each in said)
    assert 64 <= counted < 200


def test_batches_go_side_by_side(room, one_by_one):
    def first(context):
        room.order.append(context.arguments(Facts)["n"])
        return Done("began")

    engine = room.engine(*batch(room, 3, first))
    ids = [room.submit(engine, "batch") for _ in range(2)]
    engine.run_until_idle()
    assert [room.job(job_id).state for job_id in ids] == [JobState.SUCCEEDED] * 2
    assert [each for each in room.order if isinstance(each, int)] == [0, 0, 1, 1, 2, 2]


def test_jobs_that_have_long_been_under_way_are_in_no_others_way(room, one_by_one, monkeypatch):
    """As machines whose first copy takes days, or whose site is away."""
    monkeypatch.setattr(claims, "MOST_OF_A_BATCH", 3)
    gate = Gate(deadline_seconds=1e6)
    engine = room.engine(*batch(room, 7, gate.step))
    job_id = room.submit(engine, "batch")
    for begun in (3, 6):
        engine.run_until_idle()
        assert states(room, job_id) == ["waiting"] * begun + ["queued"] * (7 - begun)
        room.clock.advance(claims.LONG_SECONDS + 1)


def test_what_has_not_begun_gets_its_turn_however_often_those_that_have_look_again(room, monkeypatch):
    monkeypatch.setattr(claims, "NEW_EVERY_SECONDS", 0.2)

    asked: list[str] = []

    def busy(context):
        if not asked:
            asked.append(room.submit(engine, "v"))
        if not room.order:
            raise Wait("never", 1000, "it looks again at once", poll_seconds=0.0)
        return Done("quiet at last")

    engine = room.engine(Definition("busy", (Step("Busy", busy),)), Definition("v", (room.does("asked"),)))
    first = room.submit(engine, "busy")
    engine.run_until_idle(deadline_seconds=10)
    assert [room.job(job_id).state for job_id in (first, *asked)] == [JobState.SUCCEEDED] * 2


def test_jobs_that_wait_for_their_turn_are_in_no_others_way(room, one_by_one, monkeypatch):
    """Or the last of a long plan would never come to where the first wait for it."""
    monkeypatch.setattr(claims, "MOST_OF_A_BATCH", 3)
    gate = Gate()
    machines, job = batch(room, 7, gate.step)
    job = Definition("one", (Step("turn_to_end", gate.step), *job.steps[1:]))
    engine = room.engine(machines, job)
    job_id = room.submit(engine, "batch")
    engine.run_until_idle()
    assert states(room, job_id) == ["waiting"] * 7
