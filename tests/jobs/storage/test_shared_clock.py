"""Processes that share a database share its clock: one whose host shows another time ends no wait of
another's."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.clock import SharedClock, utc_now
from secondsite.jobs.storage.database import connect
from tests.jobs.support_jobs import Gate, JournalSpace, waiting_job

TEN_MINUTES = timedelta(minutes=10)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def room(postgres_url):
    db = connect(postgres_url)
    room = JournalSpace(db)
    yield room
    room.close()
    db.dispose()


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("wrong", [TEN_MINUTES, -TEN_MINUTES])
def test_a_process_whose_hosts_clock_is_wrong_goes_on_with_the_wait_of_another(room, wrong):
    """A wait for three minutes had lasted ten at the first look: the order was given up, and its job had
    failed."""
    gate = Gate(poll_seconds=1, deadline_seconds=180)
    one, job_id = waiting_job(room, gate, owner="one", clock=SharedClock())
    two, _ = waiting_job(room, gate, owner="two", clock=SharedClock(lambda: utc_now() + wrong))
    one.start()
    eventually(lambda: room.job(job_id).state is JobState.WAITING)
    one.stop()
    looks = gate.looks
    two.start()
    eventually(lambda: gate.looks > looks and room.job(job_id).state is JobState.WAITING)
    gate.open = True
    job = room.ended(job_id)
    assert job.state is JobState.SUCCEEDED
    assert abs(job.ended_at - utc_now()) < timedelta(minutes=1), "as the database says"


class Heard:
    """A clock whose host shows noon for ever, at so many seconds."""

    def __init__(self):
        self.seconds = 100.0
        self.clock = SharedClock(lambda: NOON, lambda: self.seconds)

    def hears(self, after_noon, took_seconds=0.0):
        asked_at = self.seconds
        self.seconds += took_seconds
        self.clock.hear(NOON + timedelta(seconds=after_noon), asked_at)

    def shows(self):
        return (self.clock() - NOON).total_seconds()


def test_it_shows_what_the_database_said_and_goes_on_from_there():
    heard = Heard()
    assert heard.shows() == 0
    heard.hears(600)
    heard.seconds += 5
    assert heard.shows() == 605


def test_a_question_that_took_a_little_longer_does_not_set_it_back():
    heard = Heard()
    heard.hears(600)
    heard.hears(600, took_seconds=0.1)
    assert heard.shows() == 600.1
    heard.hears(700)
    assert heard.shows() == 700


def test_an_answer_that_is_old_is_not_believed():
    """The process stood still for a minute before it read it."""
    heard = Heard()
    heard.hears(600)
    heard.hears(600, took_seconds=60)
    assert heard.shows() == 660


def test_that_the_hosts_clock_differs_is_told_once():
    heard = Heard()
    with capture_logs() as said:
        for _ in range(3):
            heard.hears(-30)
    assert [(each["event"], each["ahead_seconds"]) for each in said] == [("clock.differs", 30)]
