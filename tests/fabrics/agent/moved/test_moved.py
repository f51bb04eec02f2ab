"""The built agent, on other hardware than at home, calls the appliance of its new site."""

import json

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent import RecoveredAgents
from secondsite.fabrics.agent.link import AgentRefused
from secondsite.fabrics.calling import ExpectedAgent
from tests.fabrics.agent import support_link as support

pytestmark = support.needs_agent

HOME = "aaaaaaaa-0000-0000-0000-00000000000a"
HERE = "aaaaaaaa-0000-0000-0000-00000000000b"
"""The hardware at home, and that of the machine that was started at the second site."""


class Second(RecoveredAgents):
    """The port of the second site's appliance."""

    @property
    def link(self):
        return self._agents

    @property
    def place(self):
        return {"addresses": [f"127.0.0.1:{self.port}"], "ca": self.authority}


@pytest.fixture
def second(folder):
    made = Second(folder / "second", ("127.0.0.1", 0))
    yield made
    made.close()


@pytest.fixture
def machine(agents, make_disk, make_machine):
    """At home, and connected."""
    made = make_machine(make_disk())
    made.hardware = HOME
    assert made.enroll(agents.port, agents.new_key()).returncode == 0
    made.run()
    eventually(lambda: support.connected(agents), support.PATIENCE)
    return made


@pytest.fixture
def known(agents, machine):
    return agents.known()[0]


def moves(machine):
    """From now on it runs at the second site."""
    machine.kill()
    machine.hardware = HERE
    machine.run()


def expected(known):
    return ExpectedAgent(known.agent_id, "server", known.authority, HERE, known.valid_since)


def test_a_moved_agent_registers_at_its_new_site_by_itself_with_home_lost(agents, second, machine, known):
    agents.ask(known.agent_id, "elsewhere", 10, places=[second.place])
    agents.close()
    second.expect([expected(known)])
    moves(machine)
    eventually(lambda: second.connected() == {known.agent_id}, support.PATIENCE)


def test_it_tries_again_by_itself_once_it_is_let_in(agents, second, machine, known):
    agents.ask(known.agent_id, "elsewhere", 10, places=[second.place])
    moves(machine)
    machine.said("knows of no machine with this agent")
    second.expect([expected(known)])
    eventually(lambda: second.connected() == {known.agent_id}, support.PATIENCE)


def test_at_home_it_calls_nobody_else(agents, second, machine, known):
    agents.ask(known.agent_id, "elsewhere", 10, places=[second.place])
    machine.kill()
    eventually(lambda: not support.connected(agents), support.PATIENCE)
    second.close()
    silent = support.Silent(second.port)
    try:
        machine.run()
        eventually(lambda: support.connected(agents), support.PATIENCE)
        assert agents.ask(known.agent_id, "status", 30)
        assert silent.came() == 0
    finally:
        silent.close()


def test_by_hand_it_calls_whom_a_person_names(agents, second, machine, known):
    second.expect([expected(known)])
    at = f"127.0.0.1:{second.port}"
    said = support.agent("call", "--state", machine.state, "--appliance", at, second.authority)
    assert said.returncode == 0, said
    moves(machine)
    eventually(lambda: second.connected() == {known.agent_id}, support.PATIENCE)
    said = support.agent("call", "--state", machine.state, "--appliance", at, "no digest")
    assert said.returncode == 1
    assert "SHA-256" in said.stderr


def test_its_new_site_has_it_write_nothing(agents, second, machine, known):
    agents.ask(known.agent_id, "elsewhere", 10, places=[second.place])
    second.expect([expected(known)])
    moves(machine)
    eventually(second.connected, support.PATIENCE)
    kept = (machine.state / "elsewhere.json").read_text()
    assert json.loads(kept)["hardware"] == HOME
    for do in ("renew", "keep", "elsewhere", "upgrade"):
        with pytest.raises(AgentRefused, match="enrolled at another appliance"):
            second.link.ask(known.agent_id, do, 30)
    assert (machine.state / "elsewhere.json").read_text() == kept


def test_while_file_systems_stand_still_it_writes_nothing_and_can_be_asked_on(agents, machine, known):
    agents.ask(known.agent_id, "freeze", 30, name="s1", seconds=5)
    with pytest.raises(AgentRefused) as refused:
        agents.ask(known.agent_id, "renew", 10)
    assert refused.value.code == "busy"
    agents.ask(known.agent_id, "thaw", 30, name="s1")
    assert agents.ask(known.agent_id, "renew", 10)["request"]
