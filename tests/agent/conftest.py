"""Loop devices and the agent's process for each test."""

import os
import tempfile
from pathlib import Path

import pytest

from . import support_agent as support


@pytest.fixture
def folder():
    """A folder on a real disk: what lies in memory tells nothing of a disk's times."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def make_disk(folder):
    """Makes loop devices with mounted file systems."""
    disks: list[support.LoopDisk] = []

    def make(kind="ext4", **words):
        disk = support.LoopDisk(folder, f"{kind}{len(disks)}", kind=kind, **words)
        disks.append(disk)
        return disk.make()

    yield make
    for disk in reversed(disks):
        disk.close()


@pytest.fixture
def start(folder):
    """Starts agents that follow these disks."""
    agents: list[support.Agent] = []

    def begin(disks, *options):
        agents.append(support.Agent(folder, disks, *options))
        return agents[-1]

    yield begin
    for agent in agents:
        agent.close()


@pytest.fixture
def writers():
    writing = support.Writers()
    yield writing
    writing.close()


@pytest.fixture
def pulses():
    """Begins to write again and again to a disk's file system."""
    begun: list[support.Pulse] = []

    def begin(disk):
        begun.append(support.Pulse(disk))
        return begun[-1]

    yield begin
    for pulse in begun:
        pulse.end()


def pytest_collection_modifyitems(items):
    """All of it needs the built agent, and the kernel's loop devices."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(support.needs_agent)
            item.add_marker(pytest.mark.slow)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="only root freezes file systems"))
