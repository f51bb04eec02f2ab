"""A reprotect whose new replica cannot take anything ends by itself, and the machine can be protected back
afterwards."""

from pathlib import Path

import pytest

from secondsite.datapath import errors
from secondsite.datapath.replica import Replica
from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.steps.synchronization import BROKEN_SECONDS
from tests.vault.real_sites.support_real_sites import opened
from tests.vault.support_operations import folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "web"


@pytest.fixture
def away():
    """Its machine runs at the second site, committed."""
    with folder_in_memory() as folder, opened(Path(folder), (NAME,)) as verbs:
        verbs.run(Verb.ENABLE_PROTECTION, NAME)
        for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT):
            assert verbs.run(verb, NAME).job.state == "succeeded"
        yield verbs


def test_a_replica_that_takes_nothing_ends_the_job_with_the_cause_and_the_next_one_goes_well(
    away, monkeypatch
):
    def refuse(*_arguments):
        raise errors.ImageProblem("L2 cache entry size must be a power of two.", do="Nothing.")

    began = away.clock.now()
    with monkeypatch.context() as patched:
        patched.setattr(Replica, "build_digests", refuse)
        patched.setattr(Replica, "region", refuse)
        patched.setattr(Replica, "held", refuse)
        broken = away.run(Verb.REPROTECT, NAME)
    assert broken.job.state == "failed"
    assert "cannot take what is sent: L2 cache entry size" in str(broken)
    assert (away.clock.now() - began).total_seconds() >= BROKEN_SECONDS
    assert away.shown(NAME).state == State.COMMITTED
    assert [letter for letter, _ in away.copies(NAME)] == ["b"]
    assert away.run(Verb.REPROTECT, NAME).job.state == "succeeded"
    assert away.shown(NAME).state == State.PROTECTED
