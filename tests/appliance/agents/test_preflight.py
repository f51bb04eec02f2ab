"""Before a failover it is told that the second site has no port for the agent in the machine."""

import pytest

from rig.appliances import Pair
from secondsite.wire.common.machines import AgentIdentity
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind

IDENTITY = AgentIdentity(agent_id="11111111-2222-3333-4444-555555555555", authority="PEM")
WORDS = "no port for agents"


def warnings(pair, agent):
    definition = pair.source.fabric.inventory.get(pair.fabric_id).definition
    wanted = CheckTarget(definition=definition.model_copy(update={"agent": agent}))
    found = pair.target.do(Kind.CHECK_TARGET, wanted, pair.machine_id)["obstacles"]
    return [each for each in found if WORDS in each["what"]]


def test_a_machine_with_an_agent_runs_there_unheard_which_is_a_warning(pair):
    [found] = warnings(pair, IDENTITY)
    assert not found["blocking"]
    assert '"agents": "0.0.0.0:9446"' in found["do"]


@pytest.mark.parametrize(("agents", "agent"), [("0.0.0.0:9446", IDENTITY), (None, None)])
def test_with_a_port_or_without_an_agent_there_is_none(make_site, agents, agent):
    source, target = make_site("a").start(), make_site("b", agents=agents).start()
    assert warnings(Pair(source, target, source.make_machine()), agent) == []


def test_with_a_port_that_is_taken_it_is_told_until_that_is_free(make_site, monkeypatch):
    source, target = make_site("a").start(), make_site("b", agents="0.0.0.0:9446").start()
    own = target.appliance.ports
    monkeypatch.setattr(own, "problem", "The port is taken.")
    monkeypatch.setattr("tests.appliance.agents.test_preflight.WORDS", "The port is taken.")
    pair = Pair(source, target, source.make_machine())
    [found] = warnings(pair, IDENTITY)
    assert not found["blocking"]
    assert warnings(pair, None) == []
