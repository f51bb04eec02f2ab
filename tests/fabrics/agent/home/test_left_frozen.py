"""A freeze that outlived its agent and its watchdog ends with the next start of the agent."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from rig.agent_machines import LoopDisk
from rig.eventually import eventually
from secondsite.fabrics.agent.conversation import Conversation
from tests.fabrics.agent import support_link as support

pytestmark = support.needs_agent


@pytest.fixture
def disk(folder):
    disk = LoopDisk(folder, "disk").make()
    yield disk
    subprocess.run(["fsfreeze", "-u", disk.mount], check=False, stderr=subprocess.DEVNULL)
    disk.close()


def killed_with_its_watchdog(process):
    """As `systemctl kill --signal=KILL` does; neither has time to do anything."""
    children = Path(f"/proc/{process.pid}/task").glob("*/children")
    found = {int(pid) for each in children for pid in each.read_text().split()}
    os.kill(process.pid, signal.SIGSTOP)
    for pid in (*found, process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(support.PATIENCE)


def writes(disk):
    """An event that is set once a write has come through."""
    done = threading.Event()

    def write():
        (disk.mount / "written").write_bytes(b"x")
        os.sync()
        done.set()

    threading.Thread(target=write, daemon=True).start()
    return done


def test_file_systems_are_thawed_when_agent_and_watchdog_were_killed_together(agents, make_machine, disk):
    machine = make_machine(disk)
    machine.enroll(agents.port, agents.new_key())
    machine.run()
    [known] = eventually(lambda: support.connected(agents), support.PATIENCE)
    Conversation(agents, known.agent_id).freeze("stands", 60.0)
    killed_with_its_watchdog(machine.process)
    write = writes(disk)
    assert not write.wait(1.0)
    machine.run()
    assert write.wait(support.PATIENCE)
