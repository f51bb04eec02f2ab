"""Two vault processes on one PostgreSQL: each serves all, and what one can do the other can."""

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.longest, pytest.mark.timeout(400)]

MACHINES = tuple(f"vm{number}" for number in range(6))


def test_jobs_of_either_reach_appliances_of_the_other(several):
    several.open(MACHINES)
    several.vaults["first"].kill()
    eventually(lambda: several.holder("a") == several.holder("b") == "second", 30)
    several.vaults["first"].start()
    several.part()
    job = several.start("first", Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=MACHINES))
    several.ended("second", job.id)
    assert {name: several.copies(name) for name in MACHINES} == {name: ["b"] for name in MACHINES}
