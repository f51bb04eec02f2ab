"""A vault that knows a job which asks a person: what no verb does yet."""

import pytest

from rig.eventually import eventually
from secondsite.jobs.model import asking
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done
from secondsite.vault import operations
from tests.support.vault import VaultInProcess

KIND = "move_traffic"
QUESTION = asking.Question(
    instruction="Move the traffic to site b", verdicts=("done", "failed"), negative=("failed",)
)


def _move(context):
    return Done(f"{context.ask(QUESTION).by} moved it")


def definition():
    before = Step("before", lambda context: Done("ready"), "Prepare")
    return Definition(KIND, (before, Step("traffic", _move, "Traffic")))


@pytest.fixture
def vault(tmp_path, monkeypatch):
    """As the vault of other tests, with one kind of job more."""
    known = operations.definitions
    monkeypatch.setattr(operations, "definitions", lambda deps: [*known(deps), definition()])
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


@pytest.fixture
def asked(vault):
    """The id of a job that asks."""
    with vault.facade.parts.store.transaction() as tx:
        job_id = vault.facade.parts.deps.submit(
            tx.session, KIND, subject="", subject_name="web01", arguments=None, requested_by="admin"
        )
    eventually(lambda: vault.rest.get(f"/api/jobs/{job_id}").json()["waits_for_person"])
    return job_id
