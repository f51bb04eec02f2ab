"""An appliance's port for agents, machines with the agent, and fakes."""

import contextlib
import tempfile
from pathlib import Path

import pytest

from secondsite.fabrics.agent.link import Agents
from secondsite.fabrics.agent.records import Records

from . import support_link as support


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def records(tmp_path):
    """What an appliance keeps of machines: nothing yet."""
    return Records(tmp_path / "machines")


@pytest.fixture
def agents(folder):
    made = Agents(folder / "agents", ("127.0.0.1", 0))
    made.start()
    yield made
    made.close()


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def make_disk(folder, stack):
    def make(**words):
        disk = support.LoopDisk(folder, **words)
        stack.callback(disk.close)
        return disk

    return make


@pytest.fixture
def make_machine(folder, stack):
    def make(*disks):
        machine = support.Machine(folder, disks)
        stack.callback(machine.close)
        return machine

    return make


@pytest.fixture
def make_fake(agents, folder):
    """Fakes that are enrolled."""

    def make(**words):
        fake = support.Fake(agents, folder)
        assert fake.enroll(agents.new_key(**words))["ok"]
        return fake

    return make
