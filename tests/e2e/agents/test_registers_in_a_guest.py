"""A real server is lost and failed over to libvirt: the agent in the guest there registers with the second
site's appliance, which it was told of at home."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest

from demo.physical import MACHINE, REGISTERS_SECONDS, PhysicalStory
from demo.telling import Report
from guestkit import systems
from guestkit.server import Server
from rig.agent_sites import AgentSites
from tests.e2e.agents.support_agents import needs_agent

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(by="all"),
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not systems.is_possible(), reason="needs root and debootstrap"),
    needs_agent,
]


@pytest.fixture
def story():
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/var/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        rig = stack.enter_context(AgentSites("libvirt", folder, registers_seconds=REGISTERS_SECONDS))
        server = Server.make(folder / "server")
        told = PhysicalStory(rig, Report(folder / "report.json"), server)
        stack.callback(told.close)
        yield told


def test_with_home_lost_it_registers_by_itself(story, record_property):
    for part in (
        story.switch_on, story.set_up, story.enroll, story.protect, story.lose_it, story.fail_over,
        story.let_its_agent_call,
    ):  # fmt: skip
        with story.report.step(part.__name__.replace("_", " ")) as figures:
            part(figures)
        record_property(part.__name__, figures.sentence)
    assert "agent-not-registered" not in story.rig.codes(MACHINE)
