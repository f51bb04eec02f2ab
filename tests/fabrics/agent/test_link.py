"""The built agent dials an appliance, and gives its disks to read."""

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks import NbdDisk
from secondsite.fabrics.agent.link import AgentAway, AgentRefused

from . import support_link as support

pytestmark = support.needs_agent


@pytest.fixture
def disk(make_disk):
    return make_disk()


@pytest.fixture
def machine(agents, disk, make_machine):
    """A machine that is connected."""
    made = make_machine(disk)
    assert made.enroll(agents.port, agents.new_key()).returncode == 0
    made.run()
    eventually(lambda: support.connected(agents), support.PATIENCE)
    return made


@pytest.fixture
def agent_id(agents, machine):
    return agents.known()[0].agent_id


def test_a_disk_is_read_through_the_splice_as_it_is(agents, agent_id, disk):
    agents.ask(agent_id, "open", 30, view="live", name="n1")
    with agents.readers(agent_id) as path, NbdDisk(path, disk.key, bitmaps=["n1"]) as reader:
        assert reader.pread(len(disk.content), 0) == disk.content


def test_an_agent_s_refusal_comes_with_its_code(agents, agent_id):
    with pytest.raises(AgentRefused) as refused:
        agents.ask(agent_id, "dance", 30)
    assert refused.value.code == "unknown"


def test_an_agent_that_ended_is_away_and_comes_again_by_itself(agents, agent_id, machine):
    machine.kill()
    eventually(lambda: not support.connected(agents), support.PATIENCE)
    with pytest.raises(AgentAway, match="is not connected"):
        agents.ask(agent_id, "status", 5)
    machine.run()
    eventually(lambda: support.connected(agents), support.PATIENCE)
    assert agents.ask(agent_id, "status", 30)["boot"]
