"""Two hundred agents at one appliance, and either side killed at any time."""

import random
import selectors
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.errors import DatapathError
from secondsite.fabrics.agent.link import AgentAway, AgentRefused

from . import support_link as support

pytestmark = support.needs_agent
MANY = 200


class Crowd:
    """Fakes that answer whatever is asked, all in one thread."""

    def __init__(self, fakes):
        self.ends = False
        self.lines = [eventually(lambda fake=fake: tried(fake.control)) for fake in fakes]
        self.selector = selectors.DefaultSelector()
        for line in self.lines:
            self.selector.register(line.socket, selectors.EVENT_READ, line)
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()

    def answer(self):
        while not self.ends:
            for key, _ in self.selector.select(0.1):
                asked = key.data.hear_any()
                if asked is not None and "do" in asked:
                    key.data.say(number=asked["number"], ok=True, told={"did": asked["do"]})

    def close(self):
        self.ends = True
        self.thread.join()
        for line in self.lines:
            line.close()
        self.selector.close()


def enrolled(agents, folder, many):
    """One comes in first: then its address is known, and the port takes more from there."""
    fakes = [support.Fake(agents, folder) for _ in range(many)]
    for number, fake in enumerate(fakes):
        answer = eventually(lambda fake=fake: tried(lambda: fake.enroll(agents.new_key())))
        assert answer["ok"]
        if number == 0:
            with fake.control() as control:
                assert control.hear()["ok"]
    return fakes


def tried(comes):
    try:
        return comes()
    except OSError:  # too often within this second
        return None


def test_two_hundred_agents_have_a_thread_each_and_are_asked_at_once(agents, folder):
    fakes = enrolled(agents, folder, MANY)
    crowd = Crowd(fakes)
    try:
        eventually(lambda: len(support.connected(agents)) == MANY, support.PATIENCE)
        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(lambda fake: agents.ask(fake.agent_id, "dance", 30), fakes))
        assert told == [{"did": "dance"}] * MANY
        theirs = [each for each in threading.enumerate() if each.name == "agent-connection"]
        assert len(theirs) == MANY
    finally:
        crowd.close()
    eventually(lambda: not support.connected(agents), support.PATIENCE)
    eventually(lambda: all(each.name != "agent-connection" for each in threading.enumerate()))


APPLIANCE = """
import sys, time
from pathlib import Path
from secondsite.fabrics.agent.link import Agents
agents = Agents(Path(sys.argv[1]), ("127.0.0.1", int(sys.argv[2])))
agents.start()
while True:
    time.sleep(1)
"""


@pytest.fixture
def machine(agents, make_machine, make_disk):
    made = make_machine(make_disk())
    assert made.enroll(agents.port, agents.new_key()).returncode == 0
    return made


def test_an_agent_that_is_killed_at_any_time_is_read_again(agents, machine):
    (disk,) = machine.disks
    chance = random.Random(1)
    agent_id = agents.known()[0].agent_id
    for turn in range(6):
        machine.run()
        killer = threading.Timer(chance.uniform(0.2, 1.5), machine.kill)
        killer.start()
        while machine.process.poll() is None:
            attempt(agents, agent_id, disk, f"k{turn}")
        killer.join()
    machine.run()
    assert eventually(lambda: attempt(agents, agent_id, disk, "last"), support.PATIENCE)


def attempt(agents, agent_id, disk, name):
    """Whether the whole disk was read, as it is; whoever is away meanwhile is told so, in time."""
    try:
        agents.ask(agent_id, "open", 10, view="live", name=name)
        with agents.readers(agent_id) as path:
            with NbdDisk(path, disk.key, bitmaps=[name], connect_seconds=15, io_seconds=15) as reader:
                assert reader.pread(len(disk.content), 0) == disk.content
    except (AgentAway, AgentRefused, DatapathError):
        time.sleep(0.01)
        return False
    return True


def test_an_appliance_that_is_killed_has_its_agents_back(agents, folder, machine):
    agents.close()
    process = None
    machine.run()
    try:
        for turn in range(3):
            process = subprocess.Popen(
                [sys.executable, "-c", APPLIANCE, str(folder / "agents"), str(agents.port)]
            )
            eventually(lambda n=turn: machine.log.read_text().count("connected to") > n, support.PATIENCE)
            process.send_signal(signal.SIGKILL)
            process.wait(support.PATIENCE)
    finally:
        if process is not None:
            process.kill()
    assert machine.log.read_text().count("not connected") >= 2
