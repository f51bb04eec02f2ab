"""A vault whose database is busy: jobs wait for it."""

import sqlite3
from types import SimpleNamespace
from typing import cast

import pytest

from secondsite.domain.errors import StoreUnavailable
from secondsite.domain.lifecycle import Verb
from secondsite.jobs.model.context import StepContext
from secondsite.jobs.model.definitions import Step
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.storage import database
from secondsite.vault.steps.retry_store import STORE_SECONDS, retrying
from tests.vault.support_operations import Verbs, folder_in_memory


@pytest.fixture
def verbs(monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        yield verbs, f"{folder}/vault.db"
        verbs.close()


def test_a_step_waits_while_somebody_else_holds_the_database_and_succeeds_after_it(verbs):
    verbs, file = verbs
    verbs.run(Verb.ENABLE_PROTECTION)

    def look(_ctx):
        with verbs.store.transaction() as tx:
            return Done(tx.machines.find("web01").name)

    step = retrying(Step("Look", look))
    ctx = cast(StepContext, SimpleNamespace(job_id="job", order_id="job/1/1", waited_seconds=0.0))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Wait) as wait:
        step.run(ctx)
    assert "database is busy" in wait.value.why
    other.execute("ROLLBACK")
    other.close()
    assert step.run(ctx) == Done("web01")


def test_a_database_that_is_busy_late_in_a_long_step_gets_as_long_as_early_in_it():
    def look(_ctx):
        raise StoreUnavailable("database is locked")

    step = retrying(Step("Initial replication", look))
    for waited_seconds in (7200.0, 7300.0):
        ctx = SimpleNamespace(job_id="job", order_id="job/1/1", waited_seconds=waited_seconds)
        with pytest.raises(Wait) as wait:
            step.run(cast(StepContext, ctx))
        assert wait.value.deadline_seconds == 7200 + STORE_SECONDS
