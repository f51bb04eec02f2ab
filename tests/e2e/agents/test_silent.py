"""A server dies while its site's appliance lives: nobody claims that it runs beside its copy."""

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]

TWO_COPIES = "source-running-after-failover"


def test_a_server_that_died_is_told_as_silent_after_its_failover_and_not_as_running():
    with agent_site() as (rig, machine):
        command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
        rig.new_points(NAME, 1, PATIENCE)
        machine.kill()
        eventually(lambda: "machine-silent" in rig.codes(NAME), PATIENCE)
        rig.must(Verb.FAILOVER, rest.Failover(machines=[NAME]))
        seen = [rig.codes(NAME)]
        rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
        eventually(lambda: "machine-silent" in rig.codes(NAME), PATIENCE)
        seen.append(rig.codes(NAME))
        assert all(TWO_COPIES not in each for each in seen)
        machine.start()
        eventually(lambda: TWO_COPIES in rig.codes(NAME), PATIENCE)
        eventually(lambda: "machine-silent" not in rig.codes(NAME), PATIENCE)
