"""What the steps of jobs say of how long the next one will take."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from secondsite.domain.lifecycle import Verb
from secondsite.ground.job_states import JobState, TaskState
from secondsite.jobs.storage import tables
from secondsite.vault.facade.shared.predicting import predicted
from secondsite.vault.store import SqlStore, migrate
from tests.support.vault import NOW

pytestmark = pytest.mark.slow
STEPS = (("check", 0.5), ("failover", 1.0), ("start", 2.0), ("prove", 30.0))
MOVE = (
    ("pre_copy", 40.0),
    ("turn_to_shut_down", 600.0),
    ("shut_down", 5.0),
    ("turn_to_start", 900.0),
    ("start", 2.0),
)


def ran(
    tx, machine_id, verb, *, at=NOW, steps=STEPS, slower=1.0, state=JobState.SUCCEEDED, attempt=1, last=TaskState.SUCCEEDED
):  # fmt: skip
    """A job with its steps, each as long as said."""
    job_id, began = f"{machine_id}-{verb}-{at:%H%M%S}", at
    job = {
        "id": job_id, "name": verb.value, "subject": machine_id, "subject_name": machine_id, "arguments": {}, "state": state,
        "attempt": attempt, "requested_by": "anna", "created_at": at, "started_at": at, "ended_at": at + timedelta(hours=1),
        "cancel_requested": False, "ready_at": at, "claim_epoch": 1,
    }  # fmt: skip
    tx.session.execute(insert(tables.jobs).values(**job))
    rows = []
    for position, (key, seconds) in enumerate(steps):
        ended = began + timedelta(seconds=seconds * slower)
        rows.append({
            "job_id": job_id, "kind": "step", "position": position, "attempt": attempt, "key": key, "title": key,
            "state": last if key == "start" else TaskState.SUCCEEDED, "sentence": "", "progress": 1.0, "partial": False,
            "facts": {}, "signalled": False, "started_at": began, "ended_at": ended,
        })  # fmt: skip
        began = ended
    tx.session.execute(insert(tables.tasks), rows)


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
def tx(database, database_url):
    migrate(database_url)
    with SqlStore(database).transaction() as tx:
        yield tx


def test_it_takes_as_long_as_the_steps_up_to_its_start_took(tx):
    ran(tx, "m1", Verb.FAILOVER)
    ran(tx, "m1", Verb.FAILOVER, at=later(1), slower=3)
    ran(tx, "m1", Verb.FAILOVER, at=later(2), slower=2)
    found = predicted(tx, ("m1", "m2"), Verb.FAILOVER)
    assert set(found) == {"m1"}
    one = found["m1"]
    assert (one.verb, one.runs, one.seconds, one.down_seconds) == (Verb.FAILOVER, 3, 7.0, None)
    assert (one.least_seconds, one.most_seconds) == (3.5, 10.5)


def test_how_long_it_waited_for_other_groups_of_its_plan_is_not_counted(tx):
    ran(tx, "m1", Verb.PLANNED_FAILOVER, steps=MOVE)
    one = predicted(tx, ("m1",), Verb.PLANNED_FAILOVER)["m1"]
    assert (one.seconds, one.down_seconds) == (47.0, 7.0)


def test_of_many_drills_the_newest_count(tx):
    for number in range(40):
        ran(tx, "m1", Verb.TEST_FAILOVER, at=later(number), slower=100.0 if number < 35 else 2.0)
    one = predicted(tx, ("m1",), Verb.FAILOVER)["m1"]
    assert (one.verb, one.runs, one.seconds) == (Verb.TEST_FAILOVER, 5, 7.0)


def test_what_failed_was_tried_again_or_started_nothing_says_nothing(tx):
    ran(tx, "m1", Verb.FAILOVER, state=JobState.FAILED)
    ran(tx, "m1", Verb.FAILOVER, at=later(1), attempt=2)
    ran(tx, "m1", Verb.FAILOVER, at=later(2), last=TaskState.SKIPPED)
    assert predicted(tx, ("m1",), Verb.FAILOVER) == {}


def test_a_verb_that_starts_nothing_has_no_time(tx):
    ran(tx, "m1", Verb.COMMIT)
    assert predicted(tx, ("m1",), Verb.COMMIT) == {}


def test_of_more_machines_than_one_query_takes_each_has_its_own(tx):
    ids = [f"x{number}" for number in range(520)]
    for number, machine_id in enumerate(ids):
        ran(tx, machine_id, Verb.FAILOVER, steps=(("start", float(number)),))
    found = predicted(tx, ids, Verb.FAILOVER)
    assert [found[each].seconds for each in ids] == [float(number) for number in range(520)]
