"""A vault with five machines in a plan of three groups, and evidence of what was run."""

import json

import pytest

from secondsite.vault.evidence.keeper import Keeper
from tests.vault.plan_runs.conftest import plan, verbs

__all__ = ["plan", "verbs"]


@pytest.fixture
def kept(verbs):
    """Evidence of a job, as it is kept: its row and its document."""
    keeper = Keeper(verbs.store, "north", verbs.clock.now, verbs.clock.now)

    def kept(job_id):
        keeper.hear_of_job(None)
        keeper.look()
        with verbs.store.reading() as tx:
            (found,) = [each for each in tx.evidence.find(1000, None) if each.job_id == job_id]
        return found, json.loads(found.document)

    return kept
