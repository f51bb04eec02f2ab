"""The agent of a moved machine reaches its old site's appliance too, and its server there is switched on."""

import shutil
import subprocess

import pytest

from rig.agent_machines import PROGRAM, LoopDisk
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]


@pytest.fixture
def moved():
    """The rig, and the machine, switched off by its planned failover; its copy calls its old site."""
    with agent_site(registers_seconds=8) as (rig, machine):
        command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
        rig.new_points(NAME, 1, PATIENCE)
        eventually((machine.folder / "state" / "elsewhere.json").exists, PATIENCE)
        rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
        machine.process.terminate()
        machine.process.wait(PATIENCE)
        folder = machine.folder / "copy"
        shutil.copytree(machine.folder / "state", folder / "state")
        disk = LoopDisk(folder, "disk", size=96 * MiB).make()
        there = simulated.open_fabric(rig.home("appliance-b") / "fabric")
        [running] = there.inventory.running()
        with (folder / "log").open("ab") as log:
            words = ["--state", folder / "state", "--loops", disk.name, "--only-loops", "--hardware", running]
            copy = subprocess.Popen([PROGRAM, "run", *words], stderr=log)
        try:
            eventually(lambda: "copy of one that was failed over" in (folder / "log").read_text(), PATIENCE)
            eventually(lambda: "connected to" in (folder / "log").read_text(), PATIENCE)
            yield rig, machine
        finally:
            copy.terminate()
            copy.wait(PATIENCE)
            disk.close()


def codes(rig):
    return {each.code for each in rig.machine(NAME).findings}


def test_the_machine_is_let_in_beside_its_copy_and_told_as_a_second_one(moved):
    rig, machine = moved
    assert "source-running-after-failover" not in codes(rig)
    machine.start()
    eventually(lambda: "source-running-after-failover" in codes(rig), PATIENCE)
    rig.must(Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=[NAME]))
    eventually(lambda: "source-running-after-failover" not in codes(rig), PATIENCE)
