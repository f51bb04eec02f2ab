"""Waits hold no thread, end by signal, poll or deadline, and lose no signal."""

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done, Wait
from tests.jobs.support_jobs import Facts, Gate, waiting_job


def test_a_wait_is_visible_and_ends_when_its_signal_fires(room):
    gate = Gate(progress=0.5)
    engine, job_id = waiting_job(room, gate)
    engine.run_until_idle()
    task = room.tasks(job_id)[0]
    assert room.job(job_id).state is JobState.WAITING
    assert (str(task.state), task.sentence, task.progress, task.waiting_for) == (
        "waiting", "the gate is shut", 0.5, "gate",
    )  # fmt: skip
    looks = gate.looks
    gate.open = True
    engine.run_until_idle()
    assert gate.looks == looks, "nothing told it to look"
    assert engine.signal("gate") == 1
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert len(set(gate.contexts)) == 1, "the order id stays the same over all looks"


def test_a_signal_that_fires_while_the_step_is_on_its_way_to_wait_is_not_lost(room):
    gate = Gate()

    def step(context):
        try:
            return gate.step(context)
        finally:
            if gate.looks == 2:  # its look is over, its wait is not recorded yet
                gate.open = True
                engine.signal("gate")

    engine = room.engine(Definition("v", (Step("Pass", step),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED


def test_what_happened_before_the_first_wait_was_known_is_seen_by_the_second_look(room):
    gate, woken = Gate(), []
    engine, job_id = waiting_job(room, gate)
    gate.answer = gate.opens_after_the_first_look(lambda: woken.append(engine.signal("gate")))
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED
    assert woken == [0], "nobody was known to wait yet"


def test_a_step_that_catches_its_failures_does_not_catch_its_wait(room):
    gate = Gate()

    def step(context):
        try:
            return gate.step(context)
        except Exception:
            return Done("went around")

    engine = room.engine(Definition("v", (Step("Pass", step),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.WAITING


def test_a_wait_looks_again_at_each_poll(room):
    gate = Gate(poll_seconds=10)
    engine, job_id = waiting_job(room, gate)
    engine.run_until_idle()
    room.clock.advance(9)
    engine.run_until_idle()
    assert gate.looks == 2
    room.clock.advance(1)
    engine.run_until_idle()
    assert gate.looks == 3
    gate.open = True
    room.clock.advance(10)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED


def test_a_wait_past_its_deadline_fails_after_one_last_look(room):
    gate = Gate()
    engine, job_id = waiting_job(room, gate)
    engine.run_until_idle()
    room.clock.advance(100)
    engine.run_until_idle()
    job = room.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "deadline-exceeded")
    assert "timed out after 100 s: the gate is shut" in job.error.message


def test_a_fact_that_holds_at_the_deadline_wins(room):
    gate = Gate()
    engine, job_id = waiting_job(room, gate)
    engine.run_until_idle()
    room.clock.advance(1000)
    gate.open = True
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED


def test_a_retry_after_the_deadline_has_a_deadline_of_its_own(room):
    gate = Gate()
    engine, job_id = waiting_job(room, gate)
    engine.run_until_idle()
    room.clock.advance(100)
    engine.run_until_idle()
    room.ask(engine.retry, job_id)
    engine.run_until_idle()
    assert room.job(job_id).state is JobState.WAITING
    assert (room.tasks(job_id)[1].deadline_at - room.clock.now).total_seconds() == 100


def test_a_step_that_changes_what_it_waits_for_neither_spins_nor_outlives_its_deadline(room):
    looks = []

    def step(context):
        looks.append(context.now())
        raise Wait(f"signal-{len(looks)}", 5, "for something else each time", poll_seconds=30)

    engine = room.engine(Definition("v", (Step("Pass", step),)))
    job_id = room.submit(engine, "v")
    engine.run_until_idle()
    assert len(looks) == 2
    while not room.job(job_id).state.ended:
        room.clock.advance(1)
        engine.run_until_idle()
    assert room.job(job_id).error.code == "deadline-exceeded"
    assert len(looks) == 2 + 5


def test_a_new_engine_looks_at_every_wait(room):
    gate = Gate()
    engine, job_id = waiting_job(room, gate)
    engine.run_until_idle()
    gate.open = True
    room.engine(Definition("v", (Step("Pass", gate.step),))).run_until_idle()
    assert room.job(job_id).state is JobState.SUCCEEDED


def test_more_jobs_wait_than_there_are_workers_and_a_signal_wakes_its_own(room):
    gates = [Gate(signal=f"gate-{number}") for number in range(12)]
    definition = Definition(
        "v", (Step("Pass", lambda context: gates[context.arguments(Facts)["gate"]].step(context)),)
    )
    engine = room.engine(definition, workers=2)
    engine.start()
    ids = [room.submit(engine, "v", arguments=Facts({"gate": number})) for number in range(12)]
    eventually(lambda: all(room.job(job_id).state is JobState.WAITING for job_id in ids), 20)
    gates[7].open = True
    engine.signal("gate-7")
    assert room.ended(ids[7]).state is JobState.SUCCEEDED
    assert [room.job(job_id).state.ended for job_id in ids].count(True) == 1
