"""A machine with an agent comes home to another server, whose disks are larger and hold something else."""

import json
import os
import subprocess
import sys

import pytest

from rig import guest_disk
from rig.agent_machines import PROGRAM, LoopDisk
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, OTHER_SERVER, PATIENCE, agent_site, discovered, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]
BLOCK = 65536
OLD = 120 * MiB
"""Where on the new disk something lies that is of another machine, behind all that is this one's."""


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        yield rig, machine


def agents(rig, *words):
    """What `secondsite appliance agents` says."""
    program = [sys.executable, "-m", "secondsite.entry.main", "appliance", "agents", *words]
    done = subprocess.run(
        [*program, "--home", str(rig.home("appliance-a"))], capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def there(rig, write=None):
    """The content of its disk at site b, or what its guest writes to it."""
    root = rig.home("appliance-b") / "fabric"
    [found] = [each for each in simulated.open_fabric(root).inventory.list() if each.name == NAME]
    if write is None:
        return guest_disk.read(root, found.fabric_id, key="sda")
    offset, data = write
    return guest_disk.write(root, found.fabric_id, offset, data, key="sda")


def reprotect_is_refused(rig, words):
    job = rig.run(Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    assert job.state == "failed"
    assert words in rig.describe(job)


def test_it_was_failed_over_and_its_server_is_gone_for_ever(site):
    rig, machine = site
    (machine.disk.mount / "before").write_bytes(b"1" * BLOCK)
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points(NAME, 1, PATIENCE)
    machine.close()
    rig.must(Verb.FAILOVER, rest.Failover(machines=[NAME]))
    there(rig, (70 * MiB, b"\x77" * BLOCK))
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))


def test_a_server_with_other_disks_has_to_be_meant(site):
    rig, machine = site
    machine.hardware = OTHER_SERVER
    machine.disk = LoopDisk(machine.folder, "other", size=160 * MiB).make()
    subprocess.run(["umount", machine.disk.mount], check=True)
    machine.disk.mounted = False
    descriptor = os.open(machine.disk.device, os.O_WRONLY)
    os.pwrite(descriptor, b"\x55" * BLOCK, OLD)
    os.close(descriptor)
    machine.rescue(rig, machine.agent_id)
    eventually(lambda: "other" in agents(rig, "disks", NAME), PATIENCE)
    reprotect_is_refused(rig, "has none of the disks")


def test_nothing_that_the_server_holds_is_overwritten_unasked(site):
    rig, _ = site
    assert json.loads(agents(rig, "key", "--for", NAME, "--rescue", "--other-disks", "--json"))["key"]
    reprotect_is_refused(rig, "holds ext, and would be overwritten as sda")


def test_a_disk_that_there_is_none_of_is_named(site):
    rig, machine = site
    agents(rig, "disks", NAME, "--disk", "sda=NOSUCH")
    reprotect_is_refused(rig, "The server has no disk 'NOSUCH': it has")
    said = agents(rig, "disks", NAME, "--disk", f"sda={machine.disk.name}", "--overwrite", machine.disk.name)
    assert f"sda to {machine.disk.name}" in said


def test_what_there_is_goes_to_the_new_disk(site):
    rig, machine = site
    file = rig.home("appliance-a") / "fabric-work" / "rescued" / machine.agent_id / "sda"
    eventually(lambda: file.exists() and file.stat().st_size == 96 * MiB, PATIENCE)
    job = rig.must(Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    rig.new_points(NAME, 1, PATIENCE)
    sent = sum(task.facts.wire_bytes or 0 for task in job.tasks if task.facts)
    assert sent < 16 * MiB, rig.describe(job)


def test_a_second_server_does_not_take_the_place_of_the_first(site):
    rig, machine = site
    key = json.loads(agents(rig, "key", "--for", NAME, "--rescue", "--other-disks", "--json"))["key"]
    words = ["enroll", "--state", machine.folder / "second", "--appliance", f"127.0.0.1:{machine.port}", key]
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert "is here for this machine already" in done.stderr
    rig.new_points(NAME, 1, PATIENCE)


def test_it_comes_home_to_the_new_disk_and_works_there(site):
    rig, machine = site
    there(rig, (72 * MiB, b"\x78" * BLOCK))
    wanted = there(rig)
    machine.starts_once_rescued()
    job = rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    content = machine.content()
    assert content[: len(wanted)] == wanted, rig.describe(job)
    assert content[OLD:][:BLOCK] == b"\x55" * BLOCK


def test_a_cancel_begins_nothing_and_a_commit_makes_the_server_its_own(site):
    rig, machine = site
    job = rig.run(Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=[NAME]))
    assert (job.state, "came home to its own disks" in rig.describe(job)) == ("failed", True)
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    assert "comes home to its own disks" in agents(rig, "disks", NAME)
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    rig.new_points(NAME, 1, PATIENCE)
    eventually(lambda: rig.machine(NAME).state == "protected", PATIENCE)
    [found] = [each for each in discovered(rig) if each.name == NAME]
    assert [(each.key, each.size_bytes) for each in found.definition.disks] == [("sda", 160 * MiB)]
    assert machine.process.poll() is None
