"""A vault whose database is busy: jobs wait for it."""

import sqlite3
from types import SimpleNamespace

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.jobs import database
from secondsite.jobs.definitions import Step
from secondsite.jobs.outcomes import Done, Wait
from secondsite.vault.steps.patience import patient
from tests.vault.support_operations import Verbs, folder_in_memory


@pytest.fixture
def verbs(monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.file = f"{folder}/vault.db"
        yield verbs
        verbs.close()


def test_a_step_waits_while_somebody_else_holds_the_database_and_succeeds_after_it(verbs):
    verbs.run(Verb.ENABLE_PROTECTION)

    def look(_ctx):
        with verbs.store.transaction() as tx:
            return Done(tx.machines.find("web01").name)

    step, ctx = patient(Step("Look", look)), SimpleNamespace(job_id="job")
    other = sqlite3.connect(verbs.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcome = step.run(ctx)
    assert isinstance(outcome, Wait)
    assert "database is busy" in outcome.why
    other.execute("ROLLBACK")
    other.close()
    assert step.run(ctx) == Done("web01")
