"""A machine with an agent comes home to its own disks while it runs from the rescue system."""

import pytest

from rig import guest_disk
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]
BLOCK = 65536


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        yield rig, machine


def write_there(rig, offset, data):
    """Its guest writes at site b."""
    root = rig.home("appliance-b") / "fabric"
    [found] = [each for each in simulated.open_fabric(root).inventory.list() if each.name == NAME]
    guest_disk.write(root, found.fabric_id, offset, data, key="sda")


def test_it_goes_and_works_at_the_other_site(site):
    rig, machine = site
    (machine.disk.mount / "before").write_bytes(b"1" * BLOCK)
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points(NAME, 1, PATIENCE)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    machine.stop()
    write_there(rig, 70 * MiB, b"\x77" * BLOCK)


def test_its_copy_is_not_removed_as_long_as_nobody_can_start_the_machine_that_is_off(site):
    rig, _ = site
    job = rig.run(Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=[NAME]))
    assert (job.state, "nobody can start it from here" in rig.describe(job)) == ("failed", True)
    assert rig.machine(NAME).state == "planned_failed_over"
    write_there(rig, 71 * MiB, b"\x79" * BLOCK)
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))


def test_reprotect_says_that_it_must_run_from_the_rescue_image(site):
    rig, _ = site
    job = rig.run(Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    assert job.state == "failed"
    assert "does not run from the rescue image" in rig.describe(job)


def test_only_what_differs_goes_back_to_its_disks(site):
    rig, machine = site
    machine.rescue(rig, machine.agent_id)
    file = rig.home("appliance-a") / "fabric-work" / "rescued" / machine.agent_id / "sda"
    eventually(file.exists, PATIENCE)
    job = rig.must(Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    rig.new_points(NAME, 1, PATIENCE)
    sent = sum(task.facts.wire_bytes or 0 for task in job.tasks if task.facts)
    assert sent < machine.disk.size // 10, rig.describe(job)


def test_it_comes_home_and_its_disk_holds_what_was_written_there(site):
    rig, machine = site
    write_there(rig, 72 * MiB, b"\x78" * BLOCK)
    machine.starts_once_rescued()
    job = rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    content = machine.content()
    assert content[70 * MiB :][:BLOCK] == b"\x77" * BLOCK, rig.describe(job)
    assert content[71 * MiB :][:BLOCK] == b"\x79" * BLOCK, rig.describe(job)
    assert content[72 * MiB :][:BLOCK] == b"\x78" * BLOCK


def test_at_home_nothing_is_called_damaged_and_a_cancel_begins_nothing(site):
    rig, _ = site
    job = rig.run(Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=[NAME]))
    assert (job.state, "came home to its own disks" in rig.describe(job)) == ("failed", True)
    assert rig.machine(NAME).state == "planned_failed_over"
    wrong = {"replica-damaged", "old-disks-written", "old-disk-away", "cancel-failed"}
    eventually(lambda: wrong.isdisjoint(each.code for each in rig.machine(NAME).findings), PATIENCE)


def test_commit_leaves_it_on_its_own_disks_and_it_is_protected_again(site):
    rig, machine = site
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    rig.new_points(NAME, 1, PATIENCE)
    eventually(lambda: rig.machine(NAME).state == "protected", PATIENCE)
    assert machine.process.poll() is None


def test_with_its_site_lost_it_starts_at_the_other_one_from_its_newest_point(site):
    rig, machine = site
    machine.close()
    rig.lose("a")
    rig.must(Verb.FAILOVER, rest.Failover(machines=[NAME]))
    root = rig.home("appliance-b") / "fabric"
    [found] = [each for each in simulated.open_fabric(root).inventory.list() if each.name == NAME]
    content = guest_disk.read(root, found.fabric_id, key="sda")
    assert content[70 * MiB :][:BLOCK] == b"\x77" * BLOCK
