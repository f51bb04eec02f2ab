"""Applications that rest while their agent is killed, and whoever would let them go on with it."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent.inventory import AgentInventory
from secondsite.fabrics.agent.link import AgentAway

from . import support_link as support

pytestmark = support.needs_agent


class Resting(support.Machine):
    """One whose hook says what it is asked; the second one takes long."""

    def run(self, verb="run"):
        hooks = self.folder / "hooks.d"
        hooks.mkdir(exist_ok=True)
        for name, body in {
            "10-app": "",
            "20-db": f"until [ $1 = thaw ] || [ -e {self.folder}/go ]; do sleep 0.1; done",
        }.items():
            (hooks / name).write_text(f"#!/bin/sh\necho {name} $1 >> {self.folder}/asked\n{body}\n")
            (hooks / name).chmod(0o700)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [support.PROGRAM, verb, "--state", self.state, "--loops", self.disks[0].name, "--only-loops",
                "--hooks", hooks],
                stdout=log, stderr=log,
            )  # fmt: skip
        return self

    @property
    def asked(self):
        heard = self.folder / "asked"
        return heard.read_text().splitlines() if heard.exists() else []

    def kill_all(self):
        """As `systemctl kill` does."""
        process: Any = self.process
        pids = [process.pid, *_below(process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        process.wait(support.PATIENCE)


def _below(pid):
    children = [
        int(each)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for each in task.read_text().split()
    ]
    return [each for child in children for each in (child, *_below(child))]


@pytest.fixture
def machine(agents, folder, make_disk, stack):
    made = Resting(folder, (make_disk(),))
    assert made.enroll(agents.port, agents.new_key()).returncode == 0
    made.run()
    stack.callback(made.close)
    eventually(lambda: support.connected(agents), support.PATIENCE)
    return made


@pytest.fixture
def agent_id(agents, machine):
    return agents.known()[0].agent_id


def brought_to_rest(agents, agent_id, machine):
    """The second hook is asked, and has not ended."""
    agents.ask(agent_id, "open", 30, view="live", name="s1")
    agents.ask(agent_id, "acknowledge", 30, name="s1")
    with pytest.raises(AgentAway):
        agents.ask(agent_id, "open", 2, view="frozen", base="s1", name="p1", app=True)
    eventually(lambda: machine.asked == ["10-app freeze", "20-db freeze"], support.PATIENCE)


def concerns(agents, agent_id, records):
    inventory = AgentInventory(agents, records, lambda *_: records)
    return {each.code: each.what for each in inventory.concerns(agent_id)}


def test_they_go_on_although_no_agent_comes_back(agents, agent_id, machine):
    brought_to_rest(agents, agent_id, machine)
    machine.kill()
    (machine.folder / "go").touch()
    eventually(lambda: machine.asked[2:] == ["20-db thaw", "10-app thaw"], support.PATIENCE)


def test_the_next_agent_lets_them_go_on_and_tells_it(agents, agent_id, machine, records):
    brought_to_rest(agents, agent_id, machine)
    machine.kill_all()
    assert len(machine.asked) == 2
    machine.run()
    eventually(lambda: machine.asked[2:] == ["20-db thaw", "10-app thaw"], support.PATIENCE)
    eventually(lambda: support.connected(agents), support.PATIENCE)
    told = eventually(lambda: concerns(agents, agent_id, records).get("applications-late"), support.PATIENCE)
    assert "its agent had ended before" in told
    machine.close()
    machine.run()
    eventually(lambda: support.connected(agents), support.PATIENCE)
    assert len(machine.asked) == 4
