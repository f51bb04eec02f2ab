"""A computer starts the rescue image, its disks are written from an appliance, and it starts from them."""

import subprocess

import pytest

from secondsite.fabrics.agent.link import AgentRefused, Agents
from secondsite.fabrics.agent.rescued import RescuedDisks
from secondsite.ground.units import MiB

from . import support_agent
from . import support_rescue as support

pytestmark = support.needs_image


@pytest.fixture
def agents(folder):
    made = Agents(folder / "agents", ("127.0.0.1", 0))
    made.start()
    yield made
    made.close()


@pytest.fixture
def agent_id(agents, folder):
    """A machine that is known, and was lost."""
    command = [
        support_agent.PROGRAM, "enroll", "--state", folder / "state",
        "--appliance", f"127.0.0.1:{agents.port}", agents.new_key(),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return agents.known()[0].agent_id


@pytest.fixture
def make_computer(folder):
    made = []

    def make(**words):
        made.append(support.Computer(folder, **words))
        return made[-1]

    yield make
    for each in made:
        each.close()


def offered(agents, agent_id):
    return {each["name"]: each for each in agents.ask(agent_id, "disks", 30)}


def comes_home(agents, agent_id, computer, folder):
    """Writes a system to the first disk by its file here, and sees the computer start from it."""
    content = support.own_system(folder)
    rescued = RescuedDisks(folder / "rescued", agents)
    try:
        path = rescued.attach(agent_id, {"sda": "serial:ONE"})["sda"]
        command = ["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", folder / "own.raw", path]
        subprocess.run(command, check=True, timeout=300)
        with pytest.raises(AgentRefused, match="still writes"):
            agents.ask(agent_id, "restart", 30)
        rescued.restart(agent_id)
    finally:
        rescued.stop()
    computer.ended()
    assert computer.disks[0].read_bytes()[: len(content)] == content
    assert computer.disks[1].read_bytes() == bytes(256 * MiB)
    computer.start()
    computer.said(support.GREETING)
    computer.ended()


def test_started_as_a_pxe_server_does_with_words_for_its_kernel(agents, agent_id, make_computer, folder):
    key = agents.new_key(agent_id=agent_id, kind="rescue")
    words = [f"secondsite.appliance=10.0.2.2:{agents.port}", f"secondsite.key={key}"]
    computer = make_computer().start(*support.pxe(*words))
    assert support.connected(agents, agent_id).rescue
    disks = offered(agents, agent_id)
    assert {each["key"] for each in disks.values()} == {"serial:ONE", disks["sda"]["key"]}
    assert disks["sda"]["key"].startswith("wwn:")
    comes_home(agents, agent_id, computer, folder)


def test_started_from_a_compact_disc_it_asks_a_person_until_both_are_right(
    agents, agent_id, make_computer, folder
):
    key = agents.new_key(agent_id=agent_id, kind="rescue")
    computer = make_computer().start(*support.compact_disc(support.ISO))
    computer.said("Its address")
    computer.type("10.0.2.2:1")
    computer.said("A registration key")
    computer.type(key)
    computer.said("Not connected to 10.0.2.2:1: ")
    computer.said("Press Enter")
    computer.type("")
    computer.said("(Enter: 10.0.2.2:1)")
    computer.type(f"10.0.2.2:{agents.port}")
    computer.said("(Enter: the former one)")
    computer.type("")
    computer.said("offered, it may be overwritten")
    assert support.connected(agents, agent_id).rescue
    comes_home(agents, agent_id, computer, folder)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_started_from_a_stick_with_a_file_of_settings(agents, agent_id, make_computer, folder, firmware):
    key = agents.new_key(agent_id=agent_id, kind="rescue")
    settings = f"appliance=10.0.2.2:{agents.port}\r\nkey = {key}\r\nip=10.0.2.77::10.0.2.2:24\r\n"
    computer = make_computer(firmware=firmware)
    computer.start(*support.stick(support.make_stick(folder, settings)))
    assert support.connected(agents, agent_id).rescue
    assert "10.0.2.77/24" in computer.console()
    assert "started from it" in offered(agents, agent_id)["sdb"]["refused"]
    comes_home(agents, agent_id, computer, folder)


def test_a_key_that_is_used_up_is_said_on_the_console(agents, agent_id, make_computer):
    key = agents.new_key()[:-70] + "0" * 70
    words = [f"secondsite.appliance=10.0.2.2:{agents.port}", f"secondsite.key={key}"]
    computer = make_computer().start(*support.pxe(*words))
    computer.said("Not connected to 10.0.2.2")
    computer.said("Press Enter to type another address or key")
