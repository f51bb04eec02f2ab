"""What a job writes of its machine, while somebody else writes to the machine: evidence of the job before,
or a person."""

import dataclasses
from typing import Any

import pytest

from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.running.engine import Engine
from secondsite.jobs.storage import database as opening
from secondsite.jobs.storage import read
from secondsite.jobs.storage.transactions import MOST_OVERTAKEN
from secondsite.vault.store import SiteRecord, Store, migrate
from tests.support.vault import NOW, machine

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

HOOKS = ("on_start", "begins", "commit", "on_success")


@pytest.fixture
def store(postgres_url):
    migrate(postgres_url)
    db = opening.connect(postgres_url)
    store = Store(db)
    with store.transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine(generation=0))
    yield store
    db.dispose()


class Job:
    """Counts its machine's generation up in each of its hooks. In one of them a rival writes to it between
    the reading and the writing, so many times."""

    def __init__(self, store, hook, times):
        self.store, self.hook, self.times = store, hook, times

    def run(self):
        commit, begins = self.does("commit"), self.does("begins")
        steps = (
            Step("before", lambda _context: Done("did")),
            Step(
                "a", lambda _context: Done("did", commit=commit), begins=lambda session, _job: begins(session)
            ),
        )
        hooks: Any = {
            each: lambda session, _job, each=each: self.does(each)(session)
            for each in ("on_start", "on_success")
        }
        engine = Engine(self.store._engine, (Definition("v", steps, **hooks),))  # noqa: SLF001
        with self.store.transaction() as tx:
            job_id = engine.submit(tx.session, "v")
        engine.run_until_idle()
        with self.store.reading() as tx:
            return read.get(tx.session, job_id), tx.machines.get("m1")

    def does(self, hook):
        def do(session):
            tx = self.store.within(session)
            found = tx.machines.get("m1")
            if hook == self.hook and self.times > 0:
                self.times -= 1
                self.rival()
            tx.machines.put(dataclasses.replace(found, generation=found.generation + 1))

        return do

    def rival(self):
        with self.store.transaction() as tx:
            found = tx.machines.get("m1")
            tx.machines.put(dataclasses.replace(found, drill_generation=found.drill_generation + 1))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_job_writes_once_more_what_somebody_else_was_faster_with(store, hook):
    """It failed: "changed by somebody else meanwhile". A planned failover that had shut its machine down
    went back home."""
    job, found = Job(store, hook, times=2).run()
    assert (job.state, found.generation, found.drill_generation) == (JobState.SUCCEEDED, len(HOOKS), 2)


def test_it_does_not_try_for_ever(store):
    job, _found = Job(store, "commit", times=MOST_OVERTAKEN + 1).run()
    assert job.state is JobState.FAILED
    assert job.error.code == "conflict"
    assert "changed by somebody else" in job.error.message
